(** * Plane: the population flow in the coordinates [(a, p, V)], [p = w_1], [V = ||w_perp||^2]

    The population flow of the neuron moves [w] only in the plane of [e_1] and [w_perp].  With [r = ||w||] and
    [theta] the angle between [w] and [e_1]:
      [a' = r g(theta) - a r^2 / 2],
      [p' = (a / 2 PI) ((PI - theta) + sin theta cos theta) - a^2 p / 2],
      [V' = 2 (a sin theta / (2 PI r) - a^2 / 2) V].
    [V] is used rather than [||w_perp||] since it is differentiable at [w_perp = 0] too: [theta = 0] needs no
    case of its own. *)
From Coq Require Import Reals Lra.
From Coquelicot Require Import Coquelicot.
From Signescape Require Import Flow Filippov Trig Angle.
Open Scope R_scope.

Definition radius (p V : R) : R := sqrt (p * p + V).
Definition theta (p V : R) : R := acos (p / radius p V).

Definition a_speed (a r th : R) : R := r * g th - a * (r * r) / 2.
Definition p_speed (a p th : R) : R := a / (2 * PI) * ((PI - th) + sin th * cos th) - a * a * p / 2.
Definition V_speed (a r th V : R) : R := 2 * (a * sin th / (2 * PI * r) - a * a / 2) * V.

(** [B]: the basin of the sparse neuron, [w_1 > 0] and [a > - w_1]. *)
Definition sparse_basin (a p : R) : Prop := 0 < p /\ - p < a.

(** ** Geometry of one point [(p, V)] with [V >= 0], [p^2 + V > 0] *)
Section Point.
  Variables p V : R.
  Hypothesis HV : 0 <= V.
  Hypothesis Hr : 0 < p * p + V.

  Let r := radius p V.
  Let th := theta p V.

  Lemma radius_pos : 0 < r.
  Proof. apply sqrt_lt_R0. exact Hr. Qed.

  Lemma radius_sq : r * r = p * p + V.
  Proof. apply sqrt_sqrt. lra. Qed.

  Lemma ratio_bounds : -1 <= p / r <= 1.
  Proof.
    generalize radius_pos radius_sq. intros G E.
    assert (- r <= p <= r) by nra.
    split; [apply Rle_div_r|apply Rle_div_l]; lra.
  Qed.

  Lemma theta_bounds : 0 <= th <= PI.
  Proof. apply acos_bound. Qed.

  Lemma cos_theta : cos th = p / r.
  Proof. apply cos_acos, ratio_bounds. Qed.

  Lemma r_cos : r * cos th = p.
  Proof. rewrite cos_theta. generalize radius_pos. intros. field. lra. Qed.

  Lemma sin_theta_nonneg : 0 <= sin th.
  Proof. apply sin_ge_0; apply theta_bounds. Qed.

  Lemma sin_cos_sq : sin th * sin th + cos th * cos th = 1.
  Proof. generalize (sin2_cos2 th). unfold Rsqr. trivial. Qed.

  Lemma r_sin_sq : (r * r) * (sin th * sin th) = V.
  Proof. generalize radius_sq r_cos sin_cos_sq. intros. nra. Qed.

  (** [theta = PI] exactly on the ray opposite to the teacher. *)
  Lemma theta_lt_PI : 0 < V \/ 0 < p -> th < PI.
  Proof.
    intros H. destruct theta_bounds as [_ [|E]]; trivial. exfalso.
    generalize radius_pos r_sin_sq r_cos. rewrite E, sin_PI, cos_PI. intros. destruct H; lra.
  Qed.

  Lemma theta_lt_PI_iff : th < PI <-> 0 < V \/ 0 < p.
  Proof.
    split; [|apply theta_lt_PI]. intros H.
    destruct (Rle_lt_dec V 0) as [H1|]; [|now left]. destruct (Rle_lt_dec p 0) as [H2|]; [|now right]. exfalso.
    assert (V = 0) as E by lra. generalize radius_pos radius_sq. intros G1 G2.
    assert (p = - r) as Ep by nra.
    assert (cos th = cos PI) as Ec by (rewrite cos_theta, cos_PI, Ep; field; lra).
    assert (th = PI); [|lra]. apply Rle_antisym; [lra|].
    apply cos_le_iff; [apply theta_bounds|generalize PI_RGT_0; lra|lra].
  Qed.

  Lemma theta_pos : 0 < V -> 0 < th < PI.
  Proof.
    intros H. split; [|apply theta_lt_PI; now left].
    destruct theta_bounds as [[|E] _]; trivial. exfalso.
    generalize r_sin_sq. rewrite <- E, sin_0. lra.
  Qed.

  Lemma theta_acute : 0 < p -> th < PI / 2.
  Proof.
    intros H. generalize PI_RGT_0 radius_pos. intros. apply cos_lt_iff; [lra|apply theta_bounds|].
    rewrite cos_PI2, cos_theta. apply Rdiv_lt_0_compat; trivial.
  Qed.

  Lemma theta_right : p = 0 -> th = PI / 2.
  Proof.
    intros E. generalize PI_RGT_0. intros.
    assert (cos th = cos (PI / 2)) as Ec.
    { rewrite cos_PI2, cos_theta, E. field. generalize radius_pos. lra. }
    apply Rle_antisym; apply cos_le_iff; try apply theta_bounds; lra.
  Qed.

  (** [0 <= (PI - theta) + sin theta cos theta] on all of [[0, PI]] *)
  Lemma pull_nonneg : 0 <= (PI - th) + sin th * cos th.
  Proof.
    destruct theta_bounds as [H0 [H1|E]]; [left; apply pull_pos; lra|].
    rewrite E, sin_PI. lra.
  Qed.

  (** N1: on the face [a = - w_1] of [B],
      [(a + w_1)' = (r / 2 PI) sin^3 theta + (r^3 / 2) cos theta sin^2 theta]. *)
  Lemma face_identity a : a = - p ->
    a_speed a r th + p_speed a p th
    = r / (2 * PI) * (sin th * sin th * sin th) + r * r * r / 2 * cos th * (sin th * sin th).
  Proof.
    intros ->. unfold a_speed, p_speed, g. generalize radius_pos r_cos sin_cos_sq PI_RGT_0. intros G E S HP.
    rewrite <- E. set (s := sin th) in *. set (c := cos th) in *.
    assert (r / (2 * PI) * (s * s * s) + r * r * r / 2 * c * (s * s)
      = r / (2 * PI) * s * (1 - c * c) + r * r * r / 2 * c * (1 - c * c)) as ->.
    { replace (1 - c * c) with (s * s) by lra. field; lra. }
    field; lra.
  Qed.

  (** T3: while [a > 0], [theta < PI], a non-positive [w_1] grows. *)
  Lemma w1_speed_pos a : 0 < a -> p <= 0 -> th < PI -> 0 < p_speed a p th.
  Proof.
    intros Ha Hp Ht. unfold p_speed.
    assert (0 < (PI - th) + sin th * cos th) as G by (apply pull_pos; split; [apply theta_bounds|trivial]).
    assert (0 < a / (2 * PI)) by (apply Rdiv_lt_0_compat; generalize PI_RGT_0; lra).
    assert (0 < a / (2 * PI) * (PI - th + sin th * cos th)) by now apply Rmult_lt_0_compat.
    assert (a * a * p <= 0) by nra. lra.
  Qed.

  (** The population risk of the neuron, [1/4 + a^2 r^2 / 4 - a r g(theta)], is at least 1/4 (that of the zero
      function) where [a <= 0]. *)
  Lemma risk_outside a : a <= 0 -> 1 / 4 <= 1 / 4 + (a * r) * (a * r) / 4 - a * r * g th.
  Proof.
    intros Ha. generalize radius_pos (g_nonneg th theta_bounds). intros G1 G2.
    assert (0 <= (- a) * r * g th) by (apply Rmult_le_pos; [apply Rmult_le_pos; lra|trivial]). nra.
  Qed.
End Point.
