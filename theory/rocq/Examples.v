(** * Examples: population trajectories exist  (the hypotheses of T3-T6 are met)

    Two exact global trajectories in [R^d]: the balanced logistic along the teacher's axis, and a balanced
    one on the opposite ray.  (That every start has a trajectory is the classical theorem of Picard and Lindelöf,
    not formalised.) *)
From Coq Require Import Reals Lra Lia.
From Coquelicot Require Import Coquelicot.
From Signescape Require Import Flow Filippov Conservation Vectors Necessity OneInput OneInputExamples
  Angle Plane PlaneFlow Population Basin.
Open Scope R_scope.

Definition on_axis (v : R -> R) (j : nat) (t : R) : R := match j with O => v t | S _ => 0 end.

Lemma norm2_on_axis m v t : norm2 (S m) (at_time (on_axis v) t) = v t * v t.
Proof.
  unfold norm2. rewrite sum_first. unfold at_time, on_axis.
  rewrite (sum_ext m _ (fun _ => 0)) by (intros; ring). rewrite sum_zero. ring.
Qed.

Lemma norm_on_axis m v t : 0 <= v t -> norm (S m) (at_time (on_axis v) t) = v t.
Proof. intros H. unfold norm. rewrite norm2_on_axis. now apply sqrt_square. Qed.

Lemma angle_on_axis m v t : 0 < v t -> angle (S m) (at_time (on_axis v) t) = 0.
Proof.
  intros H. unfold angle. rewrite norm_on_axis by lra. unfold at_time, on_axis.
  replace (v t / v t) with 1 by (field; lra). apply acos_1.
Qed.

(** Along the axis the population flow is that of one input with [s = 1/2]. *)
Lemma axis_flow m (a v : R -> R) : (forall t, 0 <= t -> 0 < v t) ->
  (forall t, 0 <= t -> is_derive a t (/ 2 * v t * (1 - a t * v t))) ->
  (forall t, 0 <= t -> is_derive v t (/ 2 * a t * (1 - a t * v t))) ->
  population_flow_global (S m) a (on_axis v).
Proof.
  intros Hv Da Dv T t Ht. cbv zeta. assert (0 < v t) as H by (apply Hv; lra).
  rewrite norm_on_axis, angle_on_axis by lra. split; trivial. split.
  - apply (is_derive_eq _ _ _ _ (Da t ltac:(lra))). rewrite g_0. field.
  - intros [|j] _; unfold on_axis, e1.
    + apply (is_derive_eq _ _ _ _ (Dv t ltac:(lra))). rewrite sin_0. generalize PI_RGT_0. intros. field. lra.
    + apply (is_derive_eq _ _ 0); [apply @is_derive_const|]. rewrite sin_0. unfold Rdiv. ring.
Qed.

(** The balanced logistic: [a = w_1 = sqrt p], [p] the logistic from any [p0 > 0] to 1. *)
Theorem logistic_population m p0 : 0 < p0 ->
  let v t := sqrt (logistic_curve (/ 2) p0 t) in
  population_flow_global (S m) v (on_axis v) /\ 0 < v 0 /\ learns v (on_axis v O) 1.
Proof.
  intros Hp v. assert (0 <= / 2) as Hs by lra.
  assert (forall t, 0 <= t -> 0 < v t) as Hv by (intros t Ht; apply sqrt_lt_R0, logistic_pos; lra).
  assert (population_flow_global (S m) v (on_axis v)) as F.
  { apply axis_flow; trivial; intros t Ht; apply logistic_root; lra. }
  assert (0 < v 0) as H0 by (apply Hv; lra).
  split; trivial. split; trivial. apply (basin_iff (S m) v (on_axis v) ltac:(lia) F).
  rewrite norm_on_axis, angle_on_axis by lra. generalize PI_RGT_0. split; lra.
Qed.

(** The ray opposite to the teacher, [theta = PI]: from [a0 = 1 > - ||w0|| = - 1] one never learns; so the condition
    [theta0 <> PI] of [basin_iff] cannot be dropped. *)
Definition shrinking (t : R) : R := / sqrt (1 + t).

Lemma shrinking_pos t : 0 <= t -> 0 < shrinking t.
Proof. intros Ht. apply Rinv_0_lt_compat, sqrt_lt_R0. lra. Qed.

Lemma shrinking_derive t : 0 <= t -> is_derive shrinking t (- (shrinking t * shrinking t * shrinking t) / 2).
Proof.
  intros Ht. assert (0 < sqrt (1 + t)) by (apply sqrt_lt_R0; lra). unfold shrinking. auto_derive.
  - repeat split; lra.
  - field. lra.
Qed.

Theorem opposite_ray m : let w := on_axis (fun t => - shrinking t) in
  population_flow_global (S m) shrinking w /\ - norm (S m) (at_time w 0) < shrinking 0 /\
  angle (S m) (at_time w 0) = PI /\ forall beta, ~ learns shrinking (w O) beta.
Proof.
  intros w.
  assert (forall t, 0 <= t -> norm (S m) (at_time w t) = shrinking t) as En.
  { intros t Ht. unfold norm, w. rewrite norm2_on_axis.
    replace (- shrinking t * - shrinking t) with (shrinking t * shrinking t) by ring.
    apply sqrt_square. generalize (shrinking_pos t Ht). lra. }
  assert (forall t, 0 <= t -> angle (S m) (at_time w t) = PI) as Ea.
  { intros t Ht. unfold angle. rewrite En by trivial. unfold at_time, w, on_axis. generalize (shrinking_pos t Ht). intros.
    replace (- shrinking t / shrinking t) with (Ropp 1) by (field; lra). rewrite acos_opp, acos_1. ring. }
  assert (0 < shrinking 0) as H0 by (apply shrinking_pos; lra).
  assert (population_flow_global (S m) shrinking w) as F.
  { intros T t Ht. cbv zeta. assert (0 <= t) as Ht0 by lra. generalize (shrinking_pos t Ht0). intros Hp.
    rewrite En, Ea by lra. split; trivial. split.
    - apply (is_derive_eq _ _ _ _ (shrinking_derive t Ht0)). rewrite g_PI. field.
    - intros [|j] _; unfold w, on_axis, e1; rewrite sin_PI.
      + apply (is_derive_eq _ _ _ _ (is_derive_opp' _ _ _ (shrinking_derive t Ht0))). generalize PI_RGT_0. intros. field. lra.
      + apply (is_derive_eq _ _ 0); [apply @is_derive_const|]. unfold Rdiv. ring. }
  split; trivial. split; [rewrite En; lra|]. split; [apply Ea; lra|].
  apply (outside_never_learns (S m) shrinking w ltac:(lia) F). intros [_ [_ H]]. rewrite Ea in H; lra.
Qed.
