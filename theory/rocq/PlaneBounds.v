(** * PlaneBounds: in finite time nothing blows up and [w = 0] is not reached  (L2, L3, L13 of T4)

    For trajectories in the plane ([Plane]) that start off the axis, on the ray opposite to the teacher, or with
    [a0 > - r0].  [tau] is the time of the flow itself, [tau' = speed], and stays below [T]. *)
From Coq Require Import Reals Lra.
From Coquelicot Require Import Coquelicot.
From Signescape Require Import Flow Filippov Trig Angle Plane PlaneFlow.
Open Scope R_scope.

Section FiniteTime.
  Variables speed a p V tau : R -> R.
  Variable T : R.
  Hypothesis F : plane_flow speed a p V.
  Hypothesis Htau : forall t, 0 <= t -> is_derive tau t (speed t).
  Hypothesis Htau0 : tau 0 = 0.
  Hypothesis HtauT : forall t, 0 <= t -> 0 <= tau t <= T.

  Let r (t : R) : R := radius (p t) (V t).
  Let th (t : R) : R := theta (p t) (V t).

  (** [(a^2 + r^2)' = 4 q g - 2 q^2 <= 1 / 2], [q = a r] *)
  Lemma square_sum_bound t : 0 <= t -> a t * a t + r t * r t <= a 0 * a 0 + r 0 * r 0 + T / 2.
  Proof.
    intros Ht.
    assert (a t * a t + r t * r t - / 2 * tau t <= a 0 * a 0 + r 0 * r 0 - / 2 * tau 0) as G.
    { apply (derive_nonpos_le (fun u => a u * a u + r u * r u - / 2 * tau u) (fun u =>
        (speed u * a_speed (a u) (r u) (th u) * a u + a u * (speed u * a_speed (a u) (r u) (th u)))
        + (speed u * (a u * (g (th u) - a u * r u / 2)) * r u + r u * (speed u * (a u * (g (th u) - a u * r u / 2))))
        - / 2 * speed u)); trivial.
      - intros u Hu. assert (0 <= u) as Hu0 by lra.
        assert (is_derive a u (speed u * a_speed (a u) (r u) (th u))) as Da by now apply (a_derive _ _ _ _ F).
        assert (is_derive r u (speed u * (a u * (g (th u) - a u * r u / 2)))) as Dr by now apply (r_derive _ _ _ _ F).
        apply is_derive_minus'; [apply is_derive_plus'; now apply is_derive_mult'|].
        apply (is_derive_scal tau u (/ 2)). now apply Htau.
      - intros u Hu. assert (0 <= u) as Hu0 by lra. generalize (speed_pos _ _ _ _ F u Hu0). intros S.
        assert (0 <= th u <= PI) as B by apply theta_bounds.
        generalize (g_nonneg (th u) B) (g_le_half (th u) B). intros G1 G2.
        set (x := g (th u)) in *. unfold a_speed. fold x.
        match goal with |- ?e <= 0 => replace e with
          (speed u * (4 * (a u * r u) * x - 2 * ((a u * r u) * (a u * r u)) - / 2)) by field end.
        assert (0 <= (a u * r u - x) * (a u * r u - x)) by apply Rle_0_sqr.
        assert (4 * (a u * r u) * x - 2 * ((a u * r u) * (a u * r u)) - / 2 <= 0) by nra. nra. }
    generalize (HtauT t Ht). rewrite Htau0 in G. lra.
  Qed.

  (** [f' >= - k speed f]: [f] falls at most exponentially in the time of the flow. *)
  Lemma slow_decay (f f' : R -> R) k : 0 <= k -> (forall t, 0 <= t -> is_derive f t (f' t)) ->
    (forall t, 0 <= t -> - k * speed t * f t <= f' t) -> 0 <= f 0 -> forall t, 0 <= t -> f 0 * exp (- k * T) <= f t.
  Proof.
    intros Hk Df Hf H0 t Ht.
    assert (f 0 * exp (k * tau 0) <= f t * exp (k * tau t)) as G.
    { apply (derive_nonneg_le (fun u => f u * exp (k * tau u)) (fun u =>
        f' u * exp (k * tau u) + f u * (k * speed u * exp (k * tau u)))); trivial.
      - intros u Hu. assert (0 <= u) as Hu0 by lra.
        apply (is_derive_mult' f (fun u => exp (k * tau u))); [now apply Df|].
        apply (is_derive_comp exp (fun v => k * tau v) u (exp (k * tau u)) (k * speed u)); [apply is_derive_exp|].
        apply (is_derive_scal tau u k). now apply Htau.
      - intros u Hu. assert (0 <= u) as Hu0 by lra. generalize (Hf u Hu0) (exp_pos (k * tau u)). intros B X.
        replace (f' u * exp (k * tau u) + f u * (k * speed u * exp (k * tau u)))
          with (exp (k * tau u) * (f' u - - k * speed u * f u)) by ring. apply Rmult_le_pos; lra. }
    rewrite Htau0, Rmult_0_r, exp_0, Rmult_1_r in G.
    replace (f t) with (f t * exp (k * tau t) * exp (- k * tau t)).
    2:{ rewrite Rmult_assoc, <- exp_plus. replace (k * tau t + - k * tau t) with 0 by ring. rewrite exp_0. ring. }
    apply Rmult_le_compat; trivial; [left; apply exp_pos|].
    assert (- k * T <= - k * tau t) as [L|L]; [generalize (HtauT t Ht); nra| |].
    - left. now apply exp_increasing.
    - right. now rewrite L.
  Qed.

  Let M : R := a 0 * a 0 + r 0 * r 0 + T / 2.

  Lemma a_sq_le t : 0 <= t -> a t * a t <= M.
  Proof. intros Ht. generalize (square_sum_bound t Ht) (Rle_0_sqr (r t)). unfold Rsqr, M. lra. Qed.

  Lemma M_nonneg : 0 <= M.
  Proof. eapply Rle_trans; [apply (Rle_0_sqr (a 0))|apply a_sq_le; lra]. Qed.

  Let r_derivative t : 0 <= t -> is_derive r t (speed t * (a t * (g (th t) - a t * r t / 2))).
  Proof. apply (r_derive _ _ _ _ F). Qed.

  Let r_positive t : 0 <= t -> 0 < r t.
  Proof. apply (r_pos _ _ _ _ F). Qed.

  (** As long as [a g(theta) >= 0]: [r' >= - (a^2 / 2) r]. *)
  Lemma r_bounded_while : (forall t, 0 <= t -> 0 <= a t * g (th t)) -> exists m, 0 < m /\ forall t, 0 <= t -> m <= r t.
  Proof.
    intros Hag. exists (r 0 * exp (- M * T)). split; [apply Rmult_lt_0_compat; [apply r_positive; lra|apply exp_pos]|].
    apply (slow_decay r _ M M_nonneg r_derivative); [|left; apply r_positive; lra].
    intros t Ht. generalize (Hag t Ht) (speed_pos _ _ _ _ F t Ht) (r_positive t Ht) (a_sq_le t Ht) M_nonneg. intros A S R1 B MP.
    replace (speed t * (a t * (g (th t) - a t * r t / 2)))
      with (speed t * (a t * g (th t) - a t * a t * r t / 2)) by field.
    replace (- M * speed t * r t) with (speed t * (- (M * r t))) by ring.
    apply Rmult_le_compat_l; [lra|]. assert (a t * a t * r t <= M * r t) by (apply Rmult_le_compat_r; lra).
    assert (0 <= M * r t) by (apply Rmult_le_pos; lra). lra.
  Qed.

  (** L3 *)
  Lemma r_bounded_below : - r 0 < a 0 -> exists m, 0 < m /\ forall t, 0 <= t -> m <= r t.
  Proof.
    intros Ha0. assert (0 < r 0) as R0 by (apply r_positive; lra).
    destruct (Rlt_le_dec (a 0 * a 0 - r 0 * r 0) 0) as [Hc|Hc].
    - (* c < 0: r^2 >= - c *)
      exists (sqrt (r 0 * r 0 - a 0 * a 0)). split; [apply sqrt_lt_R0; lra|]. intros t Ht.
      generalize (plane_conservation _ _ _ _ F t Ht) (r_positive t Ht). fold (r t) (r 0). intros E Rt.
      rewrite <- (sqrt_square (r t)) by lra. apply sqrt_le_1_alt. nra.
    - (* c >= 0: a stays positive *)
      assert (0 < a 0) as Hp by nra. apply r_bounded_while.
      intros t Ht. apply Rmult_le_pos; [|apply g_nonneg, theta_bounds]. left.
      apply Rnot_le_lt. intros Hle.
      destruct (first_zero a 0 t (a_cont0 _ _ _ _ F)) as [s [H1 [H2 _]]]; try lra.
      assert (0 <= s) as Hs by lra. generalize (plane_conservation _ _ _ _ F s Hs) (r_positive s Hs).
      fold (r s) (r 0). rewrite H2. nra.
  Qed.

  (** L13: off the axis [w = 0] is not reached either, whatever [a].  The reason is an identity:
      [(||w_perp|| / (PI - theta))' = - (a^2 / 2) (||w_perp|| / (PI - theta))]; here for the squares. *)
  Let Y (t : R) : R := V t / ((PI - th t) * (PI - th t)).

  Lemma Y_derive : 0 < V 0 -> forall t, 0 <= t -> is_derive Y t (speed t * (- (a t * a t) * Y t)).
  Proof.
    intros HV t Ht. assert (0 < th t < PI) as B by now apply (th_stays_inside _ _ _ _ F).
    assert (is_derive th t (speed t * - (a t / (2 * PI * r t) * ((PI - th t) * sin (th t))))) as Dt
      by now apply (th_derive _ _ _ _ F).
    assert (is_derive (fun u => PI - th u) t (0 - speed t * - (a t / (2 * PI * r t) * ((PI - th t) * sin (th t))))) as Dp
      by (apply (is_derive_minus' (fun _ => PI) th); [apply @is_derive_const|trivial]).
    assert (is_derive V t (speed t * V_speed (a t) (r t) (th t) (V t))) as DV by now apply (V_derive _ _ _ _ F).
    eapply is_derive_eq.
    { apply is_derive_div; [exact DV|apply (is_derive_mult' _ _ _ _ _ Dp Dp)|nra]. }
    unfold scal, plus, minus, opp, mult; simpl; unfold mult; simpl. unfold Y, V_speed.
    generalize (r_positive t Ht) PI_RGT_0. intros. field. repeat split; lra.
  Qed.

  Lemma r_bounded_below_off_axis : 0 < V 0 -> exists m, 0 < m /\ forall t, 0 <= t -> m <= r t.
  Proof.
    intros HV.
    assert (forall t, 0 <= t -> 0 < Y t <= r t * r t) as HY.
    { intros t Ht. assert (0 < th t < PI) as B by now apply (th_stays_inside _ _ _ _ F).
      assert (0 < V t) as HVt by now apply (V_stays_pos _ _ _ _ F).
      generalize (r_sin_sq _ _ (Rlt_le _ _ HVt) (w_nonzero _ _ _ _ F t Ht)). fold (r t) (th t). intros E.
      assert (0 < (PI - th t) * (PI - th t)) by nra.
      assert (0 < sin (th t)) by (apply sin_gt_0; lra).
      assert (sin (th t) <= PI - th t) by (rewrite <- sin_PI_x; apply I3; lra).
      split; [now apply Rdiv_lt_0_compat|]. apply Rle_div_l; [trivial|]. rewrite <- E.
      apply Rmult_le_compat_l; [apply Rle_0_sqr|apply Rmult_le_compat; lra]. }
    exists (sqrt (Y 0 * exp (- M * T))). split.
    { apply sqrt_lt_R0, Rmult_lt_0_compat; [apply HY; lra|apply exp_pos]. }
    intros t Ht. rewrite <- (sqrt_square (r t)) by (left; now apply r_positive). apply sqrt_le_1_alt.
    apply Rle_trans with (Y t); [|now apply HY].
    apply (slow_decay Y _ M M_nonneg (Y_derive HV)); trivial; [|left; apply HY; lra].
    intros u Hu. generalize (HY u Hu) (a_sq_le u Hu) (speed_pos _ _ _ _ F u Hu). intros B A S.
    replace (- M * speed u * Y u) with (speed u * (- M * Y u)) by ring. apply Rmult_le_compat_l; [lra|].
    apply Rmult_le_compat_r; lra.
  Qed.

  (** Nor on the ray opposite to the teacher, where [g = 0]. *)
  Lemma r_bounded_below_opposite : th 0 = PI -> exists m, 0 < m /\ forall t, 0 <= t -> m <= r t.
  Proof.
    intros H. apply r_bounded_while. intros t Ht.
    destruct (th_stays_PI _ _ _ _ F H t Ht) as [E _]. fold (th t) in E. rewrite E, g_PI. lra.
  Qed.
End FiniteTime.
