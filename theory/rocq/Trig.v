(** * Trig: the trigonometric inequalities behind the population flow (I1-I5).

    Throughout [psi] is the angle to the *opposite* of the teacher direction,
    [psi = PI - theta]; [theta] is the angle between the student and the teacher. *)
From Coq Require Import Reals Lra.
From Coquelicot Require Import Coquelicot.
From Signescape Require Import Flow.
Open Scope R_scope.

(** I1: [sin psi - psi cos psi > 0] on [(0, PI]]; derivative [psi sin psi], value 0 at 0. *)
Lemma I1 psi : 0 < psi <= PI -> 0 < sin psi - psi * cos psi.
Proof.
  intros [H0 H1].
  set (f := fun x => sin x - x * cos x).
  replace 0 with (f 0) by (unfold f; rewrite sin_0; ring).
  apply (derive_pos_lt f (fun x => x * sin x)); trivial.
  - intros t Ht. unfold f. auto_derive; trivial. ring.
  - intros t Ht. apply Rmult_lt_0_compat; [lra|]. apply sin_gt_0; lra.
Qed.

(** I2: [psi - sin psi cos psi > 0] on [(0, PI]]; derivative [2 sin^2 psi]. *)
Lemma I2 psi : 0 < psi <= PI -> 0 < psi - sin psi * cos psi.
Proof.
  intros [H0 H1].
  set (f := fun x => x - sin x * cos x).
  replace 0 with (f 0) by (unfold f; rewrite sin_0; ring).
  apply (derive_pos_lt f (fun x => 2 * (sin x * sin x))); trivial.
  - intros t Ht. unfold f. auto_derive; trivial. generalize (sin2_cos2 t). unfold Rsqr. lra.
  - intros t Ht. assert (0 < sin t) by (apply sin_gt_0; lra). nra.
Qed.

(** I3: [sin psi <= psi] for [psi >= 0]. *)
Lemma I3 psi : 0 <= psi -> sin psi <= psi.
Proof.
  intros [H|H].
  - left. now apply sin_lt_x.
  - rewrite <- H, sin_0. lra.
Qed.

Lemma cos_PI_minus x : cos (PI - x) = - cos x.
Proof. rewrite cos_minus, cos_PI, sin_PI. ring. Qed.

(** The same two in the angle [theta] to the teacher.  [sin theta + (PI - theta) cos theta] is [2 PI g(theta)],
    the growth rate of [a]; [(PI - theta) + sin theta cos theta] is that of [w_1] along the teacher. *)
Theorem g_pos theta : 0 <= theta < PI -> 0 < sin theta + (PI - theta) * cos theta.
Proof.
  intros H. generalize (I1 (PI - theta)). rewrite sin_PI_x, cos_PI_minus. intros G.
  assert (0 < PI - theta <= PI) as K by lra. specialize (G K). lra.
Qed.

Theorem pull_pos theta : 0 <= theta < PI -> 0 < (PI - theta) + sin theta * cos theta.
Proof.
  intros H. generalize (I2 (PI - theta)). rewrite sin_PI_x, cos_PI_minus. intros G.
  assert (0 < PI - theta <= PI) as K by lra. specialize (G K). lra.
Qed.

(** Jordan: [sin x >= 2 x / PI] on [[0, PI/2]], because [sin x / x] decreases (I1). *)
Lemma jordan x : 0 <= x <= PI / 2 -> 2 / PI * x <= sin x.
Proof.
  generalize PI_RGT_0. intros HP [[H0|<-] H1]; [|rewrite sin_0; lra].
  assert (G : sin (PI / 2) / (PI / 2) <= sin x / x).
  { apply (derive_nonpos_le (fun t => sin t / t) (fun t => - (sin t - t * cos t) / (t * t))); trivial.
    - intros t Ht. auto_derive; [lra|]. field. lra.
    - intros t Ht. assert (G := I1 t ltac:(lra)).
      assert (0 < / (t * t)) by (apply Rinv_0_lt_compat; nra). unfold Rdiv. nra. }
  rewrite sin_PI2 in G. replace (1 / (PI / 2)) with (2 / PI) in G by (field; lra).
  apply (Rmult_le_compat_r x) in G; [|lra]. replace (sin x / x * x) with (sin x) in G by (field; lra). lra.
Qed.

(** I4: [sin theta >= theta (PI - theta) / PI] on [[0, PI]]. *)
Lemma I4 theta : 0 <= theta <= PI -> theta * (PI - theta) / PI <= sin theta.
Proof.
  generalize PI_RGT_0. intros HP.
  assert (G : forall x, 0 <= x <= PI / 2 -> x * (PI - x) / PI <= sin x).
  { intros x Hx. set (f := fun t => sin t - t * (PI - t) / PI).
    assert (f 0 <= f x); [|unfold f in *; rewrite sin_0 in *; lra].
    apply (derive_nonneg_le f (fun t => cos t - (1 - 2 / PI * t))); [lra| |].
    - intros t Ht. unfold f. auto_derive; trivial. field. lra.
    - intros t Ht. assert (J := jordan (PI / 2 - t) ltac:(lra)). rewrite sin_shift in J.
      replace (2 / PI * (PI / 2 - t)) with (1 - 2 / PI * t) in J by (field; lra). lra. }
  intros H. destruct (Rle_dec theta (PI / 2)) as [Hle|Hgt]; [apply G; lra|].
  assert (K := G (PI - theta) ltac:(lra)). rewrite sin_PI_x in K.
  replace ((PI - theta) * (PI - (PI - theta))) with (theta * (PI - theta)) in K by ring. exact K.
Qed.

(** [cos x >= 1 - x^2/2] for [x >= 0]. *)
Lemma cos_lower x : 0 <= x -> 1 - x * x / 2 <= cos x.
Proof.
  intros H. set (f := fun t => cos t + t * t / 2).
  assert (f 0 <= f x); [|unfold f in *; rewrite cos_0 in *; lra].
  apply (derive_nonneg_le f (fun t => t - sin t)); trivial.
  - intros t Ht. unfold f. auto_derive; trivial. field.
  - intros t Ht. generalize (I3 t). lra.
Qed.

Lemma PI2_lower : 156 / 100 < PI / 2.
Proof.
  destruct (Rlt_le_dec (156 / 100) (PI / 2)) as [|H]; trivial. exfalso.
  assert (C : cos (156 / 100) <= 0).
  { apply cos_le_0; [trivial|]. generalize PI2_3_2. lra. }
  destruct (pre_cos_bound (156 / 100) 1) as [L _]; try lra.
  unfold cos_approx, cos_term in L. simpl in L. lra.
Qed.

(** I5: [psi sin psi >= sin psi - psi cos psi] on [[0, 2]] (false beyond about 2.03). *)
Lemma I5 psi : 0 <= psi <= 2 -> sin psi - psi * cos psi <= psi * sin psi.
Proof.
  intros [H0 H2]. generalize PI2_lower PI_4 PI_RGT_0. intros HP HP4 HP0.
  cut (0 <= (psi - 1) * sin psi + psi * cos psi); [lra|].
  destruct (Rle_dec psi 1) as [H1|H1].
  - assert (S := I3 psi H0). assert (C := cos_lower psi H0).
    assert (0 <= sin psi) by (apply sin_ge_0; lra). nra.
  - destruct (Rle_dec psi (PI / 2)) as [Hq|Hq].
    + assert (0 <= sin psi) by (apply sin_ge_0; lra). assert (0 <= cos psi) by (apply cos_ge_0; lra). nra.
    + set (x := psi - PI / 2).
      assert (Hs : sin psi = cos x) by (unfold x; rewrite cos_minus, cos_PI2, sin_PI2; ring).
      assert (Hc : cos psi = - sin x) by (unfold x; rewrite sin_minus, cos_PI2, sin_PI2; ring).
      assert (Hx : 0 <= x <= 44 / 100) by (unfold x; lra).
      rewrite Hs, Hc. assert (S := I3 x ltac:(lra)). assert (C := cos_lower x ltac:(lra)).
      assert (A : (psi - 1) * (1 - x * x / 2) <= (psi - 1) * cos x) by (apply Rmult_le_compat_l; lra).
      assert (B : psi * sin x <= psi * x) by (apply Rmult_le_compat_l; lra).
      assert (Ep : 156 / 100 + x <= psi) by (unfold x; lra).
      cut (0 <= (psi - 1) * (1 - x * x / 2) - psi * x); [lra|].
      assert (M : 0 <= (psi - 156 / 100 - x) * (1 - x * x / 2 - x)) by (apply Rmult_le_pos; nra).
      assert (P : 0 <= 56 / 100 - 56 / 100 * x - 128 / 100 * (x * x) - x * x * x / 2) by nra.
      nra.
Qed.
