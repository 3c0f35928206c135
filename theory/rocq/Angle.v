(** * Angle: arc cosine and the kernel [g] of the population flow

    [g theta = (sin theta + (PI - theta) cos theta) / (2 PI) = E[relu(x_1) relu(u . x)]] for Gaussian [x] and a
    unit vector [u] at angle [theta] to the teacher [e_1]. *)
From Coq Require Import Reals Lra.
From Coquelicot Require Import Coquelicot.
From Signescape Require Import Flow Trig.
Open Scope R_scope.

Definition g (theta : R) : R := (sin theta + (PI - theta) * cos theta) / (2 * PI).

Lemma g_0 : g 0 = 1 / 2.
Proof. unfold g. rewrite sin_0, cos_0. generalize PI_RGT_0. intros. field. lra. Qed.

Lemma g_PI : g PI = 0.
Proof. unfold g. rewrite sin_PI. generalize PI_RGT_0. intros. field. lra. Qed.

Lemma g_positive theta : 0 <= theta < PI -> 0 < g theta.
Proof.
  intros H. unfold g. apply Rdiv_lt_0_compat; [now apply g_pos|]. generalize PI_RGT_0. lra.
Qed.

Lemma g_nonneg theta : 0 <= theta <= PI -> 0 <= g theta.
Proof.
  intros [H0 [H1|E]]; [left; apply g_positive; lra|]. rewrite E, g_PI. lra.
Qed.

(** [g' = - (PI - theta) sin theta / (2 PI)] *)
Lemma is_derive_g theta : is_derive g theta (- ((PI - theta) * sin theta / (2 * PI))).
Proof. unfold g. generalize PI_RGT_0. intros. auto_derive; [lra|]. field. lra. Qed.

Lemma g_decreasing s t : 0 <= s -> s <= t -> t <= PI -> g t <= g s.
Proof.
  intros Hs Hst Ht. generalize PI_RGT_0. intros HP.
  apply (derive_nonpos_le g (fun u => - ((PI - u) * sin u / (2 * PI)))); trivial.
  - intros; apply is_derive_g.
  - intros u Hu. apply Ropp_le_cancel. rewrite Ropp_0, Ropp_involutive.
    apply Rdiv_le_0_compat; [|lra]. apply Rmult_le_pos; [lra|]. apply sin_ge_0; lra.
Qed.

Lemma g_le_half theta : 0 <= theta <= PI -> g theta <= 1 / 2.
Proof. intros H. rewrite <- g_0. apply g_decreasing; lra. Qed.

(** [1/2 - g(theta) <= (1 - cos theta)/2] *)
Lemma g_near_half theta : 0 <= theta <= PI -> 1 / 2 - (1 - cos theta) / 2 <= g theta.
Proof.
  intros H. generalize PI_RGT_0. intros HP.
  assert (theta * cos theta <= sin theta) as K.
  { destruct (Req_dec theta 0) as [->|Hne]; [rewrite sin_0; lra|].
    generalize (I1 theta). intros G. assert (0 < sin theta - theta * cos theta) by (apply G; lra). lra. }
  unfold g. apply (Rmult_le_reg_r (2 * PI)); [lra|].
  replace ((sin theta + (PI - theta) * cos theta) / (2 * PI) * (2 * PI))
    with (sin theta + (PI - theta) * cos theta) by (field; lra).
  lra.
Qed.

(** ** Arc cosine *)

Lemma cos_le_iff s t : 0 <= s <= PI -> 0 <= t <= PI -> cos s <= cos t -> t <= s.
Proof.
  intros Hs Ht H. apply Rnot_lt_le. intros Hlt.
  generalize (cos_decreasing_1 s t). intros G. assert (cos t < cos s) by (apply G; lra). lra.
Qed.

Lemma cos_lt_iff s t : 0 <= s <= PI -> 0 <= t <= PI -> cos s < cos t -> t < s.
Proof.
  intros Hs Ht H. destruct (cos_le_iff s t Hs Ht) as [|E]; [lra|trivial|]. subst. lra.
Qed.

Lemma is_derive_acos x : -1 < x < 1 -> is_derive acos x (- / sqrt (1 - x * x)).
Proof.
  intros H. apply is_derive_Reals.
  assert (derive_pt acos x (derivable_pt_acos x H) = - / sqrt (1 - x * x)) as <-.
  { rewrite derive_pt_acos. unfold Rsqr, Rdiv. lra. }
  apply derive_pt_eq_1 with (pr := derivable_pt_acos x H). reflexivity.
Qed.
