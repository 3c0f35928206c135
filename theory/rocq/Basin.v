(** * Basin: which starts reach the teacher, and who contains whom  (claims T4, T5, T6)

    Global population trajectories in [R^d], [d >= 1], that never meet [w = 0].  By [confined] in [Population] these
    are all but those on the axis, [theta0 = 0], with [a0 <= - ||w0||]: there the neuron is the one-input neuron
    of [OneInputLimits], and [outside_a_negative] holds until [w] vanishes.  (That a trajectory exists is the
    classical theorem of Picard and Lindelöf, not formalised.) *)
From Coq Require Import Reals Lra Lia.
From Coquelicot Require Import Coquelicot.
From Signescape Require Import Flow AlmostEverywhere Filippov Conservation Vectors Necessity
  OneInputFlow OneInput OneInputLimits Trig Angle Plane PlaneFlow Population Convergence.
Open Scope R_scope.

Definition population_flow_global (d : nat) (a : R -> R) (w : nat -> R -> R) : Prop :=
  forall T, population_flow d T a w.

(** The conserved balance [c = a0^2 - ||w0||^2]. *)
Definition balance (d : nat) (a : R -> R) (w : nat -> R -> R) : R := a 0 * a 0 - norm2 d (at_time w 0).

(** The dense basin [D]: [a > - ||w||], [w <> 0], and [w] not opposite to the teacher. *)
Definition dense_basin (d : nat) (a : R) (u : nat -> R) : Prop := - norm d u < a /\ 0 < norm d u /\ angle d u < PI.

Lemma plane_flow_global d a w : (1 <= d)%nat -> population_flow_global d a w ->
  plane_flow (fun _ => 1) a (w O) (fun t => perp2 d (at_time w t)).
Proof.
  intros Hd F.
  assert (forall t, 0 <= t -> 0 <= t < t + 1) as H1 by (intros; lra).
  constructor.
  - intros; lra.
  - apply loc_bounded_const.
  - intros t Ht. now apply perp2_nonneg.
  - intros t Ht. apply (nonzero_norm d (at_time w t)). now apply (F (t + 1)), H1.
  - intros t Ht. rewrite Rmult_1_l, plane_radius, plane_theta. apply (F (t + 1)), H1, Ht.
  - intros t Ht. rewrite Rmult_1_l, plane_theta.
    destruct (F (t + 1) t (H1 t Ht)) as [Hr [_ Hw]].
    generalize (cos_theta _ _ (perp2_nonneg d (at_time w t) Hd) (nonzero_norm _ _ Hr)) (Hw O ltac:(lia)).
    rewrite radius_norm, theta_angle. intros E D. unfold p_speed.
    replace (cos (angle d (at_time w t))) with (w O t / norm d (at_time w t)) by (symmetry; exact E).
    apply (is_derive_eq _ _ _ _ D). unfold e1. now rewrite Rmult_1_r.
  - intros t Ht. rewrite Rmult_1_l, plane_radius, plane_theta.
    apply (perp2_derive d (t + 1)); trivial. now apply H1.
Qed.

Section Global.
  Variables (d : nat) (a : R -> R) (w : nat -> R -> R).
  Hypothesis Hd : (1 <= d)%nat.
  Hypothesis F : population_flow_global d a w.

  Let r (t : R) : R := norm d (at_time w t).
  Let th (t : R) : R := angle d (at_time w t).

  Let before t : 0 <= t -> 0 <= t < t + 1.
  Proof. intros; lra. Qed.

  (** ** T4, inside: from the dense basin the flow converges to the teacher:
      [a -> a_inf = sqrt ((c + sqrt (c^2 + 4)) / 2)], [w -> e_1 / a_inf]. *)
  Theorem inside_converges : dense_basin d (a 0) (at_time w 0) ->
    is_lim a p_infty (a_limit (balance d a w)) /\
    is_lim (w O) p_infty (/ a_limit (balance d a w)) /\
    forall j, (0 < j < d)%nat -> is_lim (w j) p_infty 0.
  Proof.
    intros [Ha [_ Hth]].
    generalize (plane_inside a (w O) (fun t => perp2 d (at_time w t)) (plane_flow_global d a w Hd F)).
    cbv beta zeta. rewrite plane_radius, plane_theta, norm_square. fold (balance d a w). intros G.
    destruct (G Ha Hth) as [L1 [L2 L3]]. repeat split; trivial.
    intros j Hj. apply is_lim_spec. apply is_lim_spec in L3. intros [eps He]. simpl.
    destruct (L3 (mkposreal (eps * eps) ltac:(nra))) as [B HB]. simpl in HB. exists B. intros t Ht.
    specialize (HB t Ht). rewrite Rminus_0_r in *. apply Rabs_def2 in HB.
    assert (w j t * w j t <= perp2 d (at_time w t)) as K.
    { destruct d as [|m]; [lia|]. rewrite perp2_sum. destruct j as [|i]; [lia|].
      apply (sum_term_le m (fun i => at_time w t (S i) * at_time w t (S i))); [intros; apply Rle_0_sqr|lia]. }
    apply Rnot_le_lt. intros Hle.
    assert (Rabs (w j t) * Rabs (w j t) = w j t * w j t) as Sq by (rewrite <- Rabs_mult; apply Rabs_pos_eq, Rle_0_sqr).
    assert (eps * eps <= Rabs (w j t) * Rabs (w j t)) by (apply Rmult_le_compat; lra). lra.
  Qed.

  Corollary inside_learns : dense_basin d (a 0) (at_time w 0) -> learns a (w O) 1.
  Proof.
    intros H. destruct (inside_converges H) as [L1 [L2 _]].
    generalize (a_limit_pos (balance d a w)). intros G. split; [lra|].
    exists (a_limit (balance d a w)), (/ a_limit (balance d a w)). repeat split; trivial.
    - now apply Rinv_0_lt_compat.
    - field. lra.
  Qed.

  (** ** T4, outside *)
  Theorem outside_never_learns : ~ dense_basin d (a 0) (at_time w 0) -> forall beta, ~ learns a (w O) beta.
  Proof.
    intros H beta [Hb [al [wl [La [Lw [Hwl E]]]]]].
    assert (Rbar_le al 0 \/ Rbar_le wl 0) as G.
    { destruct (Rle_lt_dec (a 0) (- r 0)) as [Ha|Ha].
      - left. apply (is_lim_le_loc a (fun _ => 0) p_infty); trivial; [|apply is_lim_const].
        exists 0. intros t Ht.
        destruct (outside_a_negative d (t + 1) a w Hd (F (t + 1)) Ha t) as [K _]; [lra|]. lra.
      - right. apply (is_lim_le_loc (w O) (fun _ => 0) p_infty); trivial; [|apply is_lim_const].
        exists 0. intros t Ht.
        assert (th 0 = PI) as E0.
        { destruct (F 1 0) as [Hr _]; [lra|].
          generalize (theta_bounds (w O 0) (perp2 d (at_time w 0))). rewrite plane_theta. intros B.
          apply Rle_antisym; [apply B|]. apply Rnot_lt_le. intros Hlt. apply H. repeat split; trivial. }
        destruct (theta_stays_PI d (t + 1) a w Hd (F (t + 1)) E0 t) as [_ K]; [lra|]. lra. }
    simpl in G. destruct G; nra.
  Qed.

  (** ** T4: the population flow reaches the teacher iff [a0 > - ||w0||] and [theta0 <> PI]. *)
  Theorem basin_iff : learns a (w O) 1 <-> - norm d (at_time w 0) < a 0 /\ angle d (at_time w 0) <> PI.
  Proof.
    generalize (theta_bounds (w O 0) (perp2 d (at_time w 0))). rewrite plane_theta. intros B.
    destruct (F 1 0) as [Hr _]; [lra|].
    assert (dense_basin d (a 0) (at_time w 0)
      <-> - norm d (at_time w 0) < a 0 /\ angle d (at_time w 0) <> PI) as E.
    { unfold dense_basin. split; intros H; repeat split; try apply H; trivial; lra. }
    rewrite <- E. split; [|apply inside_learns].
    intros L. apply Classical_Prop.NNPP. intros N. now apply (outside_never_learns N 1).
  Qed.

  (** Balanced initialisation [|a0| = ||w0||], [theta0 <> PI]: iff [a0 > 0]. *)
  Corollary basin_balanced : Rabs (a 0) = norm d (at_time w 0) -> angle d (at_time w 0) <> PI ->
    (learns a (w O) 1 <-> 0 < a 0).
  Proof.
    intros Hb Hth. rewrite basin_iff, <- Hb. destruct (F 1 0) as [Hr _]; [lra|].
    unfold Rabs in *. destruct Rcase_abs; split; intros; repeat split; trivial; lra.
  Qed.
End Global.

(** ** T4: the limits outside, for trajectories that never meet [w = 0] (with [confined], all with [theta0 <> 0]; on the
    axis, [theta0 = 0], [w] vanishes in finite time: [right_dies] in [OneInputLimits]) *)
Section Outside.
  Variables (d : nat) (a : R -> R) (w : nat -> R -> R).
  Hypothesis Hd : (1 <= d)%nat.
  Hypothesis F : population_flow_global d a w.

  Let r (t : R) : R := norm d (at_time w t).
  Let th (t : R) : R := angle d (at_time w t).

  Let before t : 0 <= t -> 0 <= t < t + 1.
  Proof. intros; lra. Qed.

  Let Hr t : 0 <= t -> 0 < r t.
  Proof. intros Ht. now apply (F (t + 1)), before. Qed.

  (** [(r^2)' = 2 q (g - q / 2)], [q = a r] *)
  Lemma r_square_derive t : 0 <= t ->
    is_derive (fun u => r u * r u) t (2 * (a t * r t) * (g (th t) - a t * r t / 2)).
  Proof.
    intros Ht. generalize (r_derive _ _ _ _ (plane_flow_global d a w Hd F) t Ht).
    rewrite Rmult_1_l, plane_radius, plane_theta. fold (r t) (th t). intros D.
    assert (is_derive r t (a t * (g (th t) - a t * r t / 2))) as D'.
    { apply (is_derive_ext (fun u => radius (w O u) (perp2 d (at_time w u)))); [|exact D].
      intros u. apply plane_radius. }
    apply (is_derive_eq _ _ _ _ (is_derive_mult' r r t _ _ D' D')). ring.
  Qed.

  (** Where [a <= - r]: [(r^2)' <= - a^2 r^2 <= - (r^2)^2]. *)
  Lemma r_square_rate t : a 0 <= - r 0 -> 0 <= t ->
    2 * (a t * r t) * (g (th t) - a t * r t / 2) <= - (a t * a t) * (r t * r t).
  Proof.
    intros H0 Ht. destruct (outside_a_negative d (t + 1) a w Hd (F (t + 1)) H0 t (before t Ht)) as [Ha _].
    generalize (g_nonneg (th t) (angle_bounds d (at_time w t))) (Hr t Ht). intros G R1.
    assert (0 <= (- a t) * r t * g (th t)) by (apply Rmult_le_pos; [apply Rmult_le_pos; lra|trivial]). lra.
  Qed.

  (** [a0 < - ||w0||]: the limit is the rest point [(- sqrt c, 0)]. *)
  Theorem outside_limit_imbalanced : a 0 < - r 0 ->
    is_lim a p_infty (- sqrt (balance d a w)) /\ is_lim r p_infty 0.
  Proof.
    intros H0. assert (a 0 <= - r 0) as H0' by lra. set (c := balance d a w).
    assert (forall t, 0 <= t -> a t * a t = c + r t * r t) as Hc.
    { intros t Ht. unfold c, balance, r. rewrite norm_square.
      generalize (population_conservation d (t + 1) a w Hd (F (t + 1)) t (before t Ht)). lra. }
    assert (0 < c) as Hcp. { generalize (Hc 0 (Rle_refl 0)) (Hr 0 (Rle_refl 0)). intros. nra. }
    assert (is_lim (fun t => r t * r t) p_infty 0) as L.
    { apply (exp_decay_to_zero (fun t => r t * r t) _ c Hcp r_square_derive); [intros; apply Rle_0_sqr|].
      intros t Ht. generalize (r_square_rate t H0' Ht) (Hc t Ht) (Rle_0_sqr (r t)). unfold Rsqr. intros.
      assert (c * (r t * r t) <= a t * a t * (r t * r t)) by (apply Rmult_le_compat_r; lra). lra. }
    split; [|now apply is_lim_square_zero].
    apply (is_lim_ext_loc (fun t => - sqrt (c + r t * r t))).
    { exists 0. intros t Ht. rewrite <- Hc by lra.
      destruct (outside_a_negative d (t + 1) a w Hd (F (t + 1)) H0' t) as [Ha _]; [lra|].
      replace (a t * a t) with (- a t * - a t) by ring. rewrite sqrt_square by lra. ring. }
    apply is_lim_opp'. replace (sqrt c) with (sqrt (c + 0)) by (f_equal; ring). apply is_lim_sqrt.
    apply is_lim_plus'; [apply is_lim_const|exact L].
  Qed.

  (** [a0 = - ||w0||]: the limit is the origin. *)
  Theorem outside_limit_balanced : a 0 = - r 0 -> is_lim a p_infty 0 /\ is_lim r p_infty 0.
  Proof.
    intros H0. assert (a 0 <= - r 0) as H0' by lra.
    assert (forall t, 0 <= t -> a t = - r t) as Hc.
    { intros t Ht. generalize (population_conservation d (t + 1) a w Hd (F (t + 1)) t (before t Ht)).
      rewrite <- !norm_square. fold (r t) (r 0). rewrite H0.
      destruct (outside_a_negative d (t + 1) a w Hd (F (t + 1)) H0' t (before t Ht)) as [Ha _].
      generalize (Hr t Ht). intros. nra. }
    assert (forall t, 0 <= t ->
      2 * (a t * r t) * (g (th t) - a t * r t / 2) <= - ((r t * r t) * (r t * r t))) as Hrate.
    { intros t Ht. generalize (r_square_rate t H0' Ht). rewrite (Hc t Ht). lra. }
    assert (is_lim (fun t => r t * r t) p_infty 0) as L.
    { apply (decay_to_zero (fun t => r t * r t) _ r_square_derive).
      - intros; apply Rle_0_sqr.
      - intros t Ht. eapply Rle_trans; [now apply Hrate|]. generalize (Rle_0_sqr (r t * r t)). unfold Rsqr. lra.
      - intros eps He. exists (eps * eps). split; [now apply Rmult_lt_0_compat|].
        intros t Ht Hle. eapply Rle_trans; [now apply Hrate|]. apply Ropp_le_contravar. apply Rmult_le_compat; lra. }
    apply is_lim_square_zero in L. split; trivial.
    apply (is_lim_ext_loc (fun t => - r t)); [exists 0; intros t Ht; rewrite Hc; lra|].
    replace 0 with (- 0) by ring. now apply is_lim_opp'.
  Qed.
End Outside.
