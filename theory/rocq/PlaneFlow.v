(** * PlaneFlow: trajectories of the population flow in the coordinates of [Plane]

    Time runs at any positive speed [speed t]: with [speed = 1] this is the flow itself, and with the change
    of time [t -> T t / (1 + t)] it is a flow that lives on [[0, T)] only. *)
From Coq Require Import Reals Lra.
From Coquelicot Require Import Coquelicot.
From Signescape Require Import Flow Filippov Trig Angle Plane.
Open Scope R_scope.

Lemma loc_bounded_mult k l : loc_bounded k -> loc_bounded l -> loc_bounded (fun t => k t * l t).
Proof.
  intros Hk Hl T HT. destruct (Hk T HT) as [K HK]. destruct (Hl T HT) as [L HL]. exists (K * L).
  intros t Ht. rewrite Rabs_mult. apply Rmult_le_compat; auto using Rabs_pos.
Qed.

Lemma loc_bounded_plus k l : loc_bounded k -> loc_bounded l -> loc_bounded (fun t => k t + l t).
Proof.
  intros Hk Hl T HT. destruct (Hk T HT) as [K HK]. destruct (Hl T HT) as [L HL]. exists (K + L).
  intros t Ht. eapply Rle_trans; [apply Rabs_triang|]. apply Rplus_le_compat; auto.
Qed.

Lemma loc_bounded_const c : loc_bounded (fun _ => c).
Proof. intros T _. exists (Rabs c). intros; lra. Qed.

Lemma loc_bounded_le k l : loc_bounded k -> (forall t, 0 <= t -> Rabs (l t) <= Rabs (k t)) -> loc_bounded l.
Proof.
  intros Hk Hle T HT. destruct (Hk T HT) as [K HK]. exists K. intros t Ht.
  apply Rle_trans with (Rabs (k t)); [apply Hle; lra|auto].
Qed.

Record plane_flow (speed a p V : R -> R) : Prop := {
  speed_pos : forall t, 0 <= t -> 0 < speed t;
  speed_bounded : loc_bounded speed;
  V_nonneg : forall t, 0 <= t -> 0 <= V t;
  w_nonzero : forall t, 0 <= t -> 0 < p t * p t + V t;
  a_derive : forall t, 0 <= t ->
    is_derive a t (speed t * a_speed (a t) (radius (p t) (V t)) (theta (p t) (V t)));
  p_derive : forall t, 0 <= t ->
    is_derive p t (speed t * p_speed (a t) (p t) (theta (p t) (V t)));
  V_derive : forall t, 0 <= t ->
    is_derive V t (speed t * V_speed (a t) (radius (p t) (V t)) (theta (p t) (V t)) (V t)) }.

Lemma plane_flow_shift speed a p V s : 0 <= s -> plane_flow speed a p V ->
  plane_flow (fun t => speed (s + t)) (fun t => a (s + t)) (fun t => p (s + t)) (fun t => V (s + t)).
Proof.
  assert (forall (f : R -> R) (l t : R), is_derive f (s + t) l -> is_derive (fun u => f (s + u)) t l) as G.
  { intros f l t H. replace l with (scal 1 l) by apply @scal_one. apply (is_derive_comp f (fun u => s + u)); trivial.
    auto_derive; trivial. }
  intros Hs F. destruct F as [F1 F2 F3 F4 F5 F6 F7]. constructor; intros.
  - apply F1; lra.
  - intros T HT. destruct (F2 (s + T)) as [K HK]; [lra|]. exists K. intros; apply HK; lra.
  - apply F3; lra.
  - apply F4; lra.
  - apply G, F5; lra.
  - apply G, F6; lra.
  - apply G, F7; lra.
Qed.

Section Trajectory.
  Variables speed a p V : R -> R.
  Hypothesis F : plane_flow speed a p V.

  Let r (t : R) : R := radius (p t) (V t).
  Let th (t : R) : R := theta (p t) (V t).

  Local Ltac point t Ht := generalize (V_nonneg _ _ _ _ F t Ht) (w_nonzero _ _ _ _ F t Ht).

  Lemma r_pos t : 0 <= t -> 0 < r t.
  Proof. intros Ht. point t Ht. intros. now apply radius_pos. Qed.

  Lemma r_sq t : 0 <= t -> r t * r t = p t * p t + V t.
  Proof. intros Ht. point t Ht. intros. now apply radius_sq. Qed.

  Lemma th_bounds t : 0 <= th t <= PI.
  Proof. apply theta_bounds. Qed.

  Lemma a_cont0 : cont0 a.
  Proof. eapply derive_cont0. apply (a_derive _ _ _ _ F). Qed.

  Lemma p_cont0 : cont0 p.
  Proof. eapply derive_cont0. apply (p_derive _ _ _ _ F). Qed.

  (** [r' = a (g(theta) - a r / 2)] *)
  Lemma r_derive t : 0 <= t -> is_derive r t (speed t * (a t * (g (th t) - a t * r t / 2))).
  Proof.
    intros Ht. point t Ht. intros HV Hr. unfold r, radius.
    generalize (p_derive _ _ _ _ F t Ht) (V_derive _ _ _ _ F t Ht). fold (r t) (th t). intros Dp DV.
    evar_last.
    { apply (is_derive_sqrt (fun u => p u * p u + V u)); [|exact Hr].
      apply @is_derive_plus; [|exact DV]. apply (is_derive_mult p p); [exact Dp|exact Dp|intros; apply Rmult_comm]. }
    change (sqrt (p t * p t + V t)) with (r t).
    generalize (r_pos t Ht) (r_cos _ _ HV Hr) (r_sin_sq _ _ HV Hr) (sin_cos_sq (p t) (V t)) PI_RGT_0.
    fold (r t) (th t). intros G Ep EV S HP.
    unfold scal, plus, mult; simpl; unfold mult; simpl. unfold p_speed, V_speed, g.
    rewrite <- Ep, <- EV. set (s := sin (th t)) in *. set (c := cos (th t)) in *.
    apply (Rmult_eq_reg_r (2 * r t)); [|lra].
    match goal with |- ?x = ?y => transitivity (speed t * (a t / PI * (r t * (PI - th t) * c + r t * s * (s * s + c * c))
      - a t * a t * (r t * r t) * (s * s + c * c))) end; [field; lra|]. rewrite S. field. lra.
  Qed.

  (** [cos theta] has derivative [(a / 2 PI r) (PI - theta) sin^2 theta], also at [theta = 0]. *)
  Definition cos_speed (t : R) : R :=
    a t / (2 * PI * r t) * ((PI - th t) * (sin (th t) * sin (th t))).

  Lemma cos_derive t : 0 <= t -> is_derive (fun u => p u / r u) t (speed t * cos_speed t).
  Proof.
    intros Ht. point t Ht. intros HV Hr.
    generalize (r_pos t Ht) (r_cos _ _ HV Hr) (sin_cos_sq (p t) (V t)) PI_RGT_0.
    fold (r t) (th t). intros G Ep S HP.
    evar_last.
    { apply is_derive_div; [apply (p_derive _ _ _ _ F t Ht)|apply r_derive; trivial|lra]. }
    fold (r t) (th t). unfold scal, plus, minus, opp, mult; simpl; unfold mult; simpl.
    unfold p_speed, cos_speed, g.
    assert (p t = r t * cos (th t)) as -> by now symmetry.
    set (s := sin (th t)) in *. set (c := cos (th t)) in *.
    transitivity (speed t * (a t / (2 * PI * r t) * ((PI - th t) * (1 - c * c)))); [field; lra|].
    f_equal. f_equal. f_equal. lra.
  Qed.

  Lemma cos_th t : 0 <= t -> cos (th t) = p t / r t.
  Proof. intros Ht. point t Ht. intros. now apply cos_theta. Qed.

  (** (i) T1 for the population: [a^2 - ||w||^2] is constant. *)
  Lemma plane_conservation t : 0 <= t -> a t * a t - r t * r t = a 0 * a 0 - r 0 * r 0.
  Proof.
    intros Ht.
    apply (derive_zero_const (fun u => a u * a u - r u * r u)
      (fun u => 2 * (a u * (speed u * a_speed (a u) (r u) (th u)))
                - 2 * (r u * (speed u * (a u * (g (th u) - a u * r u / 2)))))); trivial.
    - intros u Hu.
      assert (forall (f : R -> R) (l : R), is_derive f u l -> is_derive (fun v => f v * f v) u (2 * (f u * l))) as G.
      { intros f l D. replace (2 * (f u * l)) with (l * f u + f u * l) by ring.
        apply (is_derive_mult f f); trivial. intros; apply Rmult_comm. }
      apply @is_derive_minus; apply G; [apply (a_derive _ _ _ _ F); lra|apply r_derive; lra].
    - intros u Hu. unfold a_speed. field.
  Qed.

  (** The speed of [V] is [V] times something locally bounded. *)
  Lemma inverse_r_bounded : loc_bounded (fun t => / r t).
  Proof.
    apply cont0_loc_bounded.
    apply (derive_cont0 _ (fun t => - (speed t * (a t * (g (th t) - a t * r t / 2))) / (r t) ^ 2)).
    intros t Ht. apply is_derive_inv; [now apply r_derive|]. generalize (r_pos t Ht). lra.
  Qed.

  Lemma V_rate_bounded :
    loc_bounded (fun t => speed t * (2 * (a t * sin (th t) / (2 * PI * r t) - a t * a t / 2))).
  Proof.
    apply loc_bounded_mult; [apply (speed_bounded _ _ _ _ F)|].
    generalize (cont0_loc_bounded a a_cont0). intros Ba.
    apply (loc_bounded_mult (fun _ => 2)); [apply loc_bounded_const|].
    apply (loc_bounded_plus (fun t => a t * sin (th t) / (2 * PI * r t)) (fun t => - (a t * a t / 2))).
    - apply (loc_bounded_le (fun t => a t * / r t)); [apply loc_bounded_mult; [trivial|apply inverse_r_bounded]|].
      intros t Ht. generalize (r_pos t Ht) PI2_1. intros G HP.
      replace (a t * sin (th t) / (2 * PI * r t)) with (a t * / r t * (sin (th t) / (2 * PI))) by (field; lra).
      rewrite (Rabs_mult _ (sin (th t) / (2 * PI))). rewrite <- (Rmult_1_r (Rabs (a t * / r t))) at 2.
      apply Rmult_le_compat_l; [apply Rabs_pos|].
      generalize (SIN_bound (th t)). intros [S1 S2].
      apply Rabs_le. split; [apply Rle_div_r|apply Rle_div_l]; lra.
    - apply (loc_bounded_le (fun t => a t * a t)); [now apply loc_bounded_mult|].
      intros t Ht. rewrite Rabs_Ropp. unfold Rdiv. rewrite Rabs_mult.
      rewrite (Rabs_pos_eq (/ 2)) by lra. generalize (Rabs_pos (a t * a t)). lra.
  Qed.

  Lemma V_linear t : 0 <= t ->
    is_derive V t (speed t * (2 * (a t * sin (th t) / (2 * PI * r t) - a t * a t / 2)) * V t).
  Proof.
    intros Ht. generalize (V_derive _ _ _ _ F t Ht). fold (r t) (th t). unfold V_speed.
    rewrite <- Rmult_assoc. trivial.
  Qed.

  (** [w_perp] neither vanishes nor appears. *)
  Lemma V_stays_pos : 0 < V 0 -> forall t, 0 <= t -> 0 < V t.
  Proof. apply (linear_pos V _ V_linear V_rate_bounded). Qed.

  Lemma V_stays_zero : V 0 = 0 -> forall t, 0 <= t -> V t = 0.
  Proof. apply (linear_zero V _ V_linear V_rate_bounded). Qed.

  (** On the axis [w_1] keeps its sign (as long as [w] does not vanish). *)
  Lemma axis_pos : V 0 = 0 -> 0 < p 0 -> forall t, 0 <= t -> 0 < p t.
  Proof.
    intros HV Hp t Ht. apply Rnot_le_lt. intros Hle.
    destruct (first_zero p 0 t p_cont0) as [tau [H1 [H2 _]]]; try lra.
    generalize (w_nonzero _ _ _ _ F tau) (V_stays_zero HV tau). rewrite H2. lra.
  Qed.

  Lemma axis_neg : V 0 = 0 -> p 0 < 0 -> forall t, 0 <= t -> p t < 0.
  Proof.
    intros HV Hp t Ht. apply Rnot_le_lt. intros Hle.
    assert (cont0 (fun u => - p u)) as C.
    { apply (derive_cont0 _ (fun u => - (speed u * p_speed (a u) (p u) (theta (p u) (V u))))).
      intros u Hu. apply (is_derive_opp p). now apply (p_derive _ _ _ _ F). }
    destruct (first_zero (fun u => - p u) 0 t C) as [tau [H1 [H2 _]]]; try lra.
    generalize (w_nonzero _ _ _ _ F tau) (V_stays_zero HV tau).
    replace (p tau) with 0 by lra. lra.
  Qed.

  (** (ii) [theta] stays in [(0, PI)], in [[0, PI)], at [PI]. *)
  Lemma th_stays_inside : 0 < V 0 -> forall t, 0 <= t -> 0 < th t < PI.
  Proof. intros H t Ht. point t Ht. intros. apply theta_pos; trivial. now apply V_stays_pos. Qed.

  Lemma th_stays_below_PI : th 0 < PI -> forall t, 0 <= t -> th t < PI.
  Proof.
    intros H t Ht.
    assert (0 <= 0) as H0 by lra. point 0 H0. intros HV0 Hr0.
    apply (theta_lt_PI_iff _ _ HV0 Hr0) in H.
    point t Ht. intros HV Hr. apply (theta_lt_PI_iff _ _ HV Hr).
    destruct (Req_dec (V 0) 0) as [E|Hne].
    - right. apply axis_pos; trivial. lra.
    - left. apply V_stays_pos; trivial. lra.
  Qed.

  Lemma th_stays_PI : th 0 = PI -> forall t, 0 <= t -> th t = PI /\ p t < 0.
  Proof.
    intros H t Ht.
    assert (0 <= 0) as H0 by lra. point 0 H0. intros HV0 Hr0.
    generalize (theta_lt_PI_iff _ _ HV0 Hr0). fold (th 0). intros G.
    assert (~ (0 < V 0 \/ 0 < p 0)) as N by (intros K; apply G in K; lra).
    assert (V 0 = 0) by lra. assert (p 0 <> 0) by nra.
    assert (p t < 0) as Hp by (apply axis_neg; lra). split; trivial.
    point t Ht. intros HV Hr. generalize (theta_lt_PI_iff _ _ HV Hr) (th_bounds t). fold (th t). intros G' B.
    destruct (Req_dec (th t) PI) as [|Hne]; trivial. exfalso.
    assert (0 < V t \/ 0 < p t) as [K|K] by (apply G'; lra); [|lra].
    rewrite V_stays_zero in K; trivial; lra.
  Qed.

  (** [theta' = - (a / 2 PI r) (PI - theta) sin theta] off the axis. *)
  Lemma th_derive : 0 < V 0 -> forall t, 0 <= t ->
    is_derive th t (speed t * - (a t / (2 * PI * r t) * ((PI - th t) * sin (th t)))).
  Proof.
    intros H t Ht. generalize (th_stays_inside H t Ht) (V_stays_pos H t Ht). intros Hth HVp.
    point t Ht. intros HV Hr. generalize (r_pos t Ht) (cos_th t Ht) (sin_cos_sq (p t) (V t)). fold (th t).
    intros G Ec S. assert (0 < sin (th t)) as Hs by (apply sin_gt_0; lra).
    assert (-1 < p t / r t < 1) as Hb by (rewrite <- Ec; nra).
    evar_last.
    { apply (is_derive_comp acos (fun u => p u / r u)); [now apply is_derive_acos|now apply cos_derive]. }
    unfold scal; simpl; unfold mult; simpl. rewrite <- Ec.
    replace (1 - cos (th t) * cos (th t)) with (sin (th t) * sin (th t)) by lra.
    rewrite sqrt_square by lra. unfold cos_speed. generalize PI_RGT_0. intros. field. repeat split; lra.
  Qed.

  (** [theta] decreases while [a > 0]. *)
  Lemma th_decreases : 0 < V 0 -> forall s t, 0 <= s < t ->
    (forall u, s < u < t -> 0 < a u) -> th t < th s.
  Proof.
    intros H s t Hst Ha.
    apply (derive_neg_lt th (fun t => speed t * - (a t / (2 * PI * r t) * ((PI - th t) * sin (th t))))); [lra| |].
    - intros u Hu. apply th_derive; trivial; lra.
    - intros u Hu. assert (0 <= u) as Hu0 by lra.
      generalize (th_stays_inside H u Hu0) (r_pos u Hu0) (Ha u Hu) (speed_pos _ _ _ _ F u Hu0) PI_RGT_0.
      intros G1 G2 G3 G4 G5. assert (0 < sin (th u)) by (apply sin_gt_0; lra).
      assert (0 < a u / (2 * PI * r u)) by (apply Rdiv_lt_0_compat; [lra|]; apply Rmult_lt_0_compat; lra).
      assert (0 < (PI - th u) * sin (th u)) by (apply Rmult_lt_0_compat; lra).
      assert (0 < a u / (2 * PI * r u) * ((PI - th u) * sin (th u))) by now apply Rmult_lt_0_compat.
      nra.
  Qed.

  (** (iii) L5: [a] crosses zero only upwards. *)
  Lemma a_speed_at_zero t : 0 <= t -> th t < PI -> a t = 0 ->
    0 < speed t * a_speed (a t) (r t) (th t).
  Proof.
    intros Ht Hth E. apply Rmult_lt_0_compat; [now apply (speed_pos _ _ _ _ F)|].
    unfold a_speed. rewrite E. generalize (r_pos t Ht) (g_positive (th t)) (th_bounds t). intros G1 G2 G3.
    assert (0 < g (th t)) by (apply G2; lra). assert (0 < r t * g (th t)) by now apply Rmult_lt_0_compat. lra.
  Qed.

  Lemma a_positive_from_0 : th 0 < PI -> 0 <= a 0 -> forall t, 0 < t -> 0 < a t.
  Proof.
    intros Hth H0. apply (nagumo0 a _ (a_derive _ _ _ _ F)); trivial.
    intros t Ht E _. apply a_speed_at_zero; trivial. now apply th_stays_below_PI.
  Qed.

  (** (iv) [B] is forward invariant. *)
  Lemma p_positive_before t : 0 < p 0 -> 0 <= t -> (forall u, 0 <= u < t -> 0 < a u + p u) ->
    forall u, 0 <= u < t -> 0 < p u.
  Proof.
    intros Hp Ht Hsum u Hu. apply Rnot_le_lt. intros Hle.
    destruct (first_zero p 0 u p_cont0) as [s [H1 [H2 H3]]]; try lra.
    assert (0 < a s) as Has. { generalize (Hsum s). lra. }
    assert (0 <= s) as Hs by lra. point s Hs. intros HV Hr.
    assert (th s = PI / 2) as Eth by now apply theta_right.
    destruct (is_derive_pos_local p s (speed s * p_speed (a s) (p s) (th s))) as [e [He [Hbefore _]]].
    - now apply (p_derive _ _ _ _ F).
    - apply Rmult_lt_0_compat; [now apply (speed_pos _ _ _ _ F)|]. apply w1_speed_pos; trivial; try lra.
      fold (th s). generalize PI_RGT_0. lra.
    - set (v := Rmax 0 (s - e / 2)).
      assert (0 <= v < s). { split; [apply Rmax_l|apply Rmax_lub_lt; lra]. }
      assert (s - e / 2 <= v) by apply Rmax_r.
      generalize (Hbefore v) (H3 v). lra.
  Qed.

  Lemma sum_derive t : 0 <= t ->
    is_derive (fun u => a u + p u) t (speed t * (a_speed (a t) (r t) (th t) + p_speed (a t) (p t) (th t))).
  Proof.
    intros Ht. rewrite Rmult_plus_distr_l.
    apply @is_derive_plus; [now apply (a_derive _ _ _ _ F)|now apply (p_derive _ _ _ _ F)].
  Qed.

  Lemma sum_stays_positive : sparse_basin (a 0) (p 0) -> forall t, 0 <= t -> 0 < a t + p t.
  Proof.
    intros [Hp Hap].
    apply (nagumo (fun u => a u + p u) _ sum_derive); [lra|].
    intros t Ht E Hbefore. assert (0 <= t) as Ht0 by lra.
    generalize (p_positive_before t Hp Ht0 Hbefore). intros Hpb.
    assert (0 <= p t) as Hpt.
    { apply Rnot_lt_le. intros Hneg. destruct (p_cont0 t (- p t) Ht0) as [e [He Hc]]; [lra|].
      set (v := Rmax 0 (t - e / 2)).
      assert (0 <= v < t). { split; [apply Rmax_l|apply Rmax_lub_lt; lra]. }
      assert (t - e / 2 <= v) by apply Rmax_r.
      assert (Rabs (v - t) < e) as K by (apply Rabs_def1; lra).
      generalize (Hc v ltac:(lra) K) (Hpb v). intros A1 A2. apply Rabs_def2 in A1. lra. }
    point t Ht0. intros HV Hr.
    apply Rmult_lt_0_compat; [now apply (speed_pos _ _ _ _ F)|].
    unfold r, th. rewrite face_identity by (trivial; lra). fold (r t) (th t).
    generalize (r_pos t Ht0) PI_RGT_0. intros Gr HP.
    assert (0 < V t) as HVt.
    { destruct (Req_dec (V 0) 0) as [E0|Hne].
      2:{ apply V_stays_pos; trivial. generalize (V_nonneg _ _ _ _ F 0). lra. }
      exfalso. (* theta = 0: c = 0 would follow, hence a0 = w_1(0) > 0, and a > 0 for ever *)
      generalize (plane_conservation t Ht0) (r_sq t Ht0) (r_sq 0 (Rle_refl 0)).
      rewrite (V_stays_zero E0 t Ht0), E0. intros C1 C2 C3.
      assert (0 < p t) by (apply axis_pos; trivial).
      assert ((a 0 - p 0) * (a 0 + p 0) = 0) as Z. { replace (a t) with (- p t) in C1 by lra. nra. }
      assert (a 0 = p 0) as Ea. { apply Rmult_integral in Z. lra. }
      assert (0 < a t); [|lra]. apply a_positive_from_0; trivial; [|lra].
      apply theta_lt_PI; try (apply (w_nonzero _ _ _ _ F); lra); try (apply (V_nonneg _ _ _ _ F); lra). now right. }
    assert (0 < th t < PI) as Hth by now apply theta_pos.
    assert (0 < sin (th t)) as Hs by (apply sin_gt_0; lra).
    assert (0 <= cos (th t)) as Hc.
    { rewrite (cos_th t Ht0). apply Rdiv_le_0_compat; trivial. }
    assert (0 < r t / (2 * PI) * (sin (th t) * sin (th t) * sin (th t))).
    { apply Rmult_lt_0_compat; [apply Rdiv_lt_0_compat; lra|]. repeat apply Rmult_lt_0_compat; trivial. }
    assert (0 <= r t * r t * r t / 2 * cos (th t) * (sin (th t) * sin (th t))).
    { apply Rmult_le_pos; [apply Rmult_le_pos; trivial|nra].
      assert (0 < r t * r t * r t) by (repeat apply Rmult_lt_0_compat; trivial). lra. }
    lra.
  Qed.

  Theorem plane_sparse_basin_invariant : sparse_basin (a 0) (p 0) ->
    forall t, 0 <= t -> sparse_basin (a t) (p t).
  Proof.
    intros HB t Ht. split.
    - apply (p_positive_before (t + 1)); try lra; [apply HB|].
      intros u Hu. apply sum_stays_positive; trivial; lra.
    - generalize (sum_stays_positive HB t Ht). lra.
  Qed.

  (** (v) Outside: from [a0 <= - r0] on, [a <= - sqrt(a0^2 - r0^2)] and [a < 0] for ever. *)
  Theorem plane_outside : a 0 <= - r 0 -> forall t, 0 <= t ->
    a t < 0 /\ a t <= - r t /\ a t <= - sqrt (a 0 * a 0 - r 0 * r 0).
  Proof.
    intros H0.
    assert (forall t, 0 <= t -> r t * r t <= a t * a t) as C.
    { intros t Ht. generalize (plane_conservation t Ht) (r_pos 0 (Rle_refl 0)). nra. }
    assert (forall t, 0 <= t -> a t < 0) as Hneg.
    { intros t Ht. apply Rnot_le_lt. intros Hle.
      assert (cont0 (fun u => - a u)) as Ca.
      { apply (derive_cont0 _ (fun u => - (speed u * a_speed (a u) (radius (p u) (V u)) (theta (p u) (V u))))).
        intros u Hu. apply (is_derive_opp a). now apply (a_derive _ _ _ _ F). }
      generalize (r_pos 0 (Rle_refl 0)). intros G0.
      destruct (first_zero (fun u => - a u) 0 t Ca) as [tau [H1 [H2 _]]]; try lra.
      assert (0 <= tau) as Htau by lra. generalize (C tau Htau) (r_pos tau Htau).
      replace (a tau) with 0 by lra. nra. }
    intros t Ht. generalize (Hneg t Ht) (C t Ht) (r_pos t Ht). intros G1 G2 G3. split; trivial. split; [nra|].
    generalize (plane_conservation t Ht). intros E.
    assert (sqrt (a 0 * a 0 - r 0 * r 0) <= - a t); [|lra].
    replace (- a t) with (sqrt ((- a t) * (- a t))) by (apply sqrt_square; lra).
    apply sqrt_le_1_alt. nra.
  Qed.
End Trajectory.

Lemma a_crosses_upwards speed a p V : plane_flow speed a p V -> theta (p 0) (V 0) < PI ->
  forall s t, 0 <= s < t -> 0 <= a s -> 0 < a t.
Proof.
  intros F H0 s t Hst Ha.
  assert (0 <= s) as Hs by lra.
  generalize (plane_flow_shift speed a p V s Hs F). intros G.
  replace t with (s + (t - s)) by ring.
  apply (a_positive_from_0 _ _ _ _ G); try lra; rewrite Rplus_0_r; trivial.
  now apply (th_stays_below_PI _ _ _ _ F).
Qed.

(** ** The flow itself: time at speed 1 *)
Section UnitSpeed.
  Variables a p V : R -> R.
  Hypothesis F : plane_flow (fun _ => 1) a p V.

  Let r (t : R) : R := radius (p t) (V t).
  Let th (t : R) : R := theta (p t) (V t).

  Lemma unit_r_derive t : 0 <= t -> is_derive r t (a t * (g (th t) - a t * r t / 2)).
  Proof. intros Ht. generalize (r_derive _ _ _ _ F t Ht). now rewrite Rmult_1_l. Qed.

  Lemma unit_a_derive t : 0 <= t -> is_derive a t (r t * g (th t) - a t * (r t * r t) / 2).
  Proof. intros Ht. generalize (a_derive _ _ _ _ F t Ht). now rewrite Rmult_1_l. Qed.

  Lemma unit_cos_derive t : 0 <= t ->
    is_derive (fun u => p u / r u) t (a t / (2 * PI * r t) * ((PI - th t) * (sin (th t) * sin (th t)))).
  Proof. intros Ht. generalize (cos_derive _ _ _ _ F t Ht). now rewrite Rmult_1_l. Qed.

  Lemma unit_sin_square t : 0 <= t -> sin (th t) * sin (th t) = (1 - p t / r t) * (1 + p t / r t).
  Proof.
    intros Ht. unfold r. rewrite <- (cos_th _ _ _ _ F) by trivial. fold (th t).
    generalize (sin2_cos2 (th t)). unfold Rsqr. intros. nra.
  Qed.

  Lemma unit_ratio t : 0 <= t -> -1 <= p t / r t <= 1.
  Proof. intros Ht. unfold r. rewrite <- (cos_th _ _ _ _ F) by trivial. apply COS_bound. Qed.
End UnitSpeed.
