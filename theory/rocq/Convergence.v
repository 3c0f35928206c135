(** * Convergence: inside its basin the population flow converges to the teacher  (claim T4, lemmas L6-L10)

    Global trajectories in the plane ([Plane], time at speed 1).  No LaSalle, no Łojasiewicz: differential
    inequalities only. *)
From Coq Require Import Reals Lra.
From Coquelicot Require Import Coquelicot.
From Signescape Require Import Flow Filippov Trig Angle Plane PlaneFlow Rescue.
Open Scope R_scope.

(** The limit of [a]: [a_inf = sqrt ((c + sqrt (c^2 + 4)) / 2)], so that [a_inf^2 - 1 / a_inf^2 = c]. *)
Definition a_limit (c : R) : R := sqrt ((c + sqrt (c * c + 4)) / 2).

Lemma sqrt_gt_abs c e : 0 < e -> Rabs c < sqrt (c * c + e).
Proof.
  intros He. rewrite <- sqrt_Rsqr_abs. apply sqrt_lt_1_alt. unfold Rsqr. nra.
Qed.

Lemma a_limit_pos c : 0 < a_limit c.
Proof.
  unfold a_limit. apply sqrt_lt_R0. generalize (sqrt_gt_abs c 4). intros H.
  assert (Rabs c < sqrt (c * c + 4)) by (apply H; lra). generalize (Rle_abs (- c)). rewrite Rabs_Ropp. lra.
Qed.

(** [a] is a continuous function of [c = a^2 - r^2] and [q = a r]. *)
Lemma a_from_cq a r : 0 < a -> 0 < r ->
  a = sqrt (((a * a - r * r) + sqrt ((a * a - r * r) * (a * a - r * r) + 4 * ((a * r) * (a * r)))) / 2).
Proof.
  intros Ha Hr.
  replace ((a * a - r * r) * (a * a - r * r) + 4 * ((a * r) * (a * r)))
    with ((a * a + r * r) * (a * a + r * r)) by ring.
  rewrite sqrt_square by nra. replace ((a * a - r * r + (a * a + r * r)) / 2) with (a * a) by field.
  symmetry. apply sqrt_square. lra.
Qed.

Lemma is_lim_mult' (f h : R -> R) (l m : R) :
  is_lim f p_infty l -> is_lim h p_infty m -> is_lim (fun t => f t * h t) p_infty (l * m).
Proof. intros Lf Lh. apply (is_lim_mult f h p_infty l m Lf Lh). exact I. Qed.

Section Inside.
  Variables a p V : R -> R.
  Hypothesis F : plane_flow (fun _ => 1) a p V.

  Let r (t : R) : R := radius (p t) (V t).
  Let th (t : R) : R := theta (p t) (V t).
  Let q (t : R) : R := a t * r t.
  Let c : R := a 0 * a 0 - r 0 * r 0.

  Let Hrp : forall t, 0 <= t -> 0 < r t := r_pos _ a p V F.
  Let Hth t : 0 <= th t <= PI := theta_bounds (p t) (V t).
  Let Hcos : forall t, 0 <= t -> cos (th t) = p t / r t := cos_th _ a p V F.
  Let Hc : forall t, 0 <= t -> a t * a t - r t * r t = c := plane_conservation _ a p V F.
  Let Dr : forall t, 0 <= t -> is_derive r t (a t * (g (th t) - a t * r t / 2)) := unit_r_derive a p V F.
  Let Da : forall t, 0 <= t -> is_derive a t (r t * g (th t) - a t * (r t * r t) / 2) := unit_a_derive a p V F.
  Let Dcos : forall t, 0 <= t ->
    is_derive (fun u => p u / r u) t (a t / (2 * PI * r t) * ((PI - th t) * (sin (th t) * sin (th t))))
    := unit_cos_derive a p V F.
  Let Hsin : forall t, 0 <= t -> sin (th t) * sin (th t) = (1 - p t / r t) * (1 + p t / r t)
    := unit_sin_square a p V F.
  Let Hratio : forall t, 0 <= t -> -1 <= p t / r t <= 1 := unit_ratio a p V F.

  (** [q' = (a^2 + r^2) (g(theta) - q / 2)] *)
  Lemma q_derive t : 0 <= t -> is_derive q t ((a t * a t + r t * r t) * (g (th t) - q t / 2)).
  Proof.
    intros Ht. unfold q.
    apply (is_derive_eq _ _ _ _ (is_derive_mult' a r t _ _ (Da t Ht) (Dr t Ht))). field.
  Qed.

  (** ** L6-L10: from [a0 > 0], [theta0 < PI] on *)
  Section Positive.
    Hypothesis Ha0 : 0 < a 0.
    Hypothesis Hth0 : th 0 < PI.

    Let Ha t : 0 <= t -> 0 < a t.
    Proof.
      intros [Ht| <-]; trivial. apply (a_positive_from_0 _ _ _ _ F); trivial. lra.
    Qed.

    Let Hq t : 0 <= t -> 0 < q t.
    Proof. intros Ht. apply Rmult_lt_0_compat; [now apply Ha|now apply Hrp]. Qed.

    (** L6: [cos theta] never falls, ... *)
    Lemma cos_grows t : 0 <= t -> p 0 / r 0 <= p t / r t.
    Proof.
      intros Ht. apply (derive_nonneg_le (fun u => p u / r u)
        (fun u => a u / (2 * PI * r u) * ((PI - th u) * (sin (th u) * sin (th u))))); trivial.
      - intros u Hu. apply Dcos; lra.
      - intros u Hu. assert (0 <= u) as Hu0 by lra. generalize (Ha u Hu0) (Hrp u Hu0) (Hth u) PI_RGT_0. intros.
        assert (0 < 2 * PI * r u) by (apply Rmult_lt_0_compat; lra).
        apply Rmult_le_pos; [apply Rdiv_le_0_compat; lra|]. apply Rmult_le_pos; [lra|apply Rle_0_sqr].
    Qed.

    Lemma th_le_th0 t : 0 <= t -> th t <= th 0.
    Proof.
      intros Ht. apply cos_le_iff; trivial. rewrite !Hcos by lra. now apply cos_grows.
    Qed.

    Let g0 : R := g (th 0).

    Lemma g0_pos : 0 < g0.
    Proof. apply g_positive. generalize (Hth 0). lra. Qed.

    Lemma g_ge_g0 t : 0 <= t -> g0 <= g (th t).
    Proof. intros Ht. apply g_decreasing; [apply Hth|now apply th_le_th0|apply Hth]. Qed.

    (** ... and [q] stays in [[min (q0, 2 g0), max (q0, 1)]]. *)
    Let qm : R := Rmin (q 0) (2 * g0).
    Let qM : R := Rmax (q 0) 1.

    Lemma qm_pos : 0 < qm.
    Proof. apply Rmin_pos; [apply Hq; lra|generalize g0_pos; lra]. Qed.

    Lemma q_ge t : 0 <= t -> qm <= q t.
    Proof.
      intros Ht. cut (qm - q t <= 0); [lra|].
      apply (gronwall_nonpos (fun u => qm - q u) (fun u => 0 - (a u * a u + r u * r u) * (g (th u) - q u / 2)) (fun _ => 0));
        trivial.
      - intros u Hu. apply (is_derive_minus' (fun _ => qm) q); [apply @is_derive_const|now apply q_derive].
      - apply loc_bounded_const.
      - intros u Hu Hlt. generalize (g_ge_g0 u Hu) (Rmin_r (q 0) (2 * g0)). fold qm. intros.
        assert (0 <= (a u * a u + r u * r u) * (g (th u) - q u / 2)); [|lra]. apply Rmult_le_pos; [nra|lra].
      - generalize (Rmin_l (q 0) (2 * g0)). fold qm. lra.
    Qed.

    Lemma q_le t : 0 <= t -> q t <= qM.
    Proof.
      intros Ht. cut (q t - qM <= 0); [lra|].
      apply (gronwall_nonpos (fun u => q u - qM) (fun u => (a u * a u + r u * r u) * (g (th u) - q u / 2) - 0) (fun _ => 0));
        trivial.
      - intros u Hu. apply (is_derive_minus' q (fun _ => qM)); [now apply q_derive|apply @is_derive_const].
      - apply loc_bounded_const.
      - intros u Hu Hlt. generalize (g_le_half (th u) (Hth u)) (Rmax_r (q 0) 1). fold qM. intros.
        assert (0 <= (a u * a u + r u * r u) * (q u / 2 - g (th u))); [|lra]. apply Rmult_le_pos; [nra|lra].
      - generalize (Rmax_l (q 0) 1). fold qM. lra.
    Qed.

    (** Both layers stay bounded: [r^2 <= |c| + qM], [a^2 <= 2 |c| + qM]. *)
    Let Rb : R := Rabs c + qM.

    Lemma qM_ge_1 : 1 <= qM.
    Proof. apply Rmax_r. Qed.

    Lemma r_sq_le t : 0 <= t -> r t * r t <= Rb.
    Proof.
      intros Ht. apply Rnot_lt_le. unfold Rb. intros Hlt.
      generalize (Hc t Ht) (q_le t Ht) (Hq t Ht) (Rle_abs (- c)) (Rabs_pos c) qM_ge_1.
      rewrite Rabs_Ropp. intros E Q1 Q2 C1 C2 M1.
      assert (q t * q t = (r t * r t) * (r t * r t + c)) as Eq by (unfold q; rewrite <- E; ring).
      assert (qM < r t * r t + c) by lra. assert (qM < r t * r t) by lra.
      assert (qM * qM < r t * r t * (r t * r t + c)) by (apply Rmult_le_0_lt_compat; lra). nra.
    Qed.

    (** L7: [a / r >= k > 0]. *)
    Lemma slope_ge t : 0 <= t -> qm / Rb <= a t / r t.
    Proof.
      intros Ht. generalize (r_sq_le t Ht) (q_ge t Ht) qm_pos (Hrp t Ht) (Ha t Ht). intros B Q QP R1 A1.
      assert (0 < Rb) by nra.
      replace (a t / r t) with (q t / (r t * r t)) by (unfold q; field; lra).
      unfold Rdiv. apply Rmult_le_compat; try lra.
      - left. now apply Rinv_0_lt_compat.
      - apply Rinv_le_contravar; nra.
    Qed.

    (** L8: [1 - cos theta] decays exponentially. *)
    Let kappa : R := qm / Rb * ((PI - th 0) * (1 + p 0 / r 0) / (2 * PI)).

    Lemma Rb_pos : 0 < Rb.
    Proof. unfold Rb. generalize (Rabs_pos c) qM_ge_1. lra. Qed.

    Lemma kappa_pos : 0 < kappa.
    Proof.
      generalize PI_RGT_0 qm_pos Rb_pos (Hth 0). intros HP Q B T0.
      assert (0 < 1 + p 0 / r 0).
      { rewrite <- Hcos by lra. assert (cos PI < cos (th 0)) by (apply cos_decreasing_1; lra). rewrite cos_PI in H. lra. }
      unfold kappa. apply Rmult_lt_0_compat; [now apply Rdiv_lt_0_compat|].
      apply Rdiv_lt_0_compat; [apply Rmult_lt_0_compat; lra|lra].
    Qed.

    Let u (t : R) : R := 1 - p t / r t.
    Let u' (t : R) : R := - (a t / (2 * PI * r t) * ((PI - th t) * (sin (th t) * sin (th t)))).

    Lemma u_bounds t : 0 <= t -> 0 <= u t <= 2.
    Proof. intros Ht. generalize (Hratio t Ht). unfold u. lra. Qed.

    Lemma u_derive t : 0 <= t -> is_derive u t (u' t).
    Proof.
      intros Ht. apply (is_derive_eq _ _ (0 - a t / (2 * PI * r t) * ((PI - th t) * (sin (th t) * sin (th t))))).
      - apply (is_derive_minus' (fun _ => 1) (fun v => p v / r v)); [apply @is_derive_const|now apply Dcos].
      - unfold u'. ring.
    Qed.

    Lemma u_rate t : 0 <= t -> u' t <= - kappa * u t.
    Proof.
      intros Ht. generalize PI_RGT_0 qm_pos Rb_pos (Hth 0) (u_bounds t Ht) (slope_ge t Ht) (th_le_th0 t Ht) (cos_grows t Ht)
        (Hratio 0 (Rle_refl 0)) (Hrp t Ht). intros HP Q B T0 U S T1 C1 C0 R1.
      unfold u'. rewrite (Hsin t Ht). fold (u t).
      assert (kappa <= a t / r t * ((PI - th t) * (1 + p t / r t) / (2 * PI))) as K.
      { unfold kappa. apply Rmult_le_compat; trivial.
        - apply Rdiv_le_0_compat; lra.
        - apply Rdiv_le_0_compat; [apply Rmult_le_pos; lra|lra].
        - unfold Rdiv. apply Rmult_le_compat_r; [left; apply Rinv_0_lt_compat; lra|].
          apply Rmult_le_compat; unfold Rdiv in *; lra. }
      replace (- (a t / (2 * PI * r t) * ((PI - th t) * (u t * (1 + p t / r t)))))
        with (- (a t / r t * ((PI - th t) * (1 + p t / r t) / (2 * PI)) * u t)) by (field; lra).
      assert (kappa * u t <= a t / r t * ((PI - th t) * (1 + p t / r t) / (2 * PI)) * u t)
        by (apply Rmult_le_compat_r; lra). lra.
    Qed.

    Lemma u_to_0 : is_lim u p_infty 0.
    Proof.
      apply (exp_decay_to_zero u u' kappa); auto using kappa_pos, u_derive, u_rate.
      intros t Ht. apply u_bounds; trivial.
    Qed.

    (** L9: [(q - 1)^2 + K (1 - cos theta)] decays exponentially. *)
    Let M : R := 2 * Rb + Rabs c.

    Lemma square_sum_le t : 0 <= t -> a t * a t + r t * r t <= M.
    Proof.
      intros Ht. generalize (Hc t Ht) (r_sq_le t Ht) (Rle_abs c). unfold M. lra.
    Qed.

    Lemma square_sum_ge t : 0 <= t -> 2 * qm <= a t * a t + r t * r t.
    Proof.
      intros Ht. generalize (q_ge t Ht). unfold q. intros. assert (0 <= (a t - r t) * (a t - r t)) by apply Rle_0_sqr. lra.
    Qed.

    Let K : R := 2 * M / kappa.
    Let rate : R := Rmin qm (kappa / 2).
    Let E (t : R) : R := (q t - 1) * (q t - 1) + K * u t.
    Let E' (t : R) : R := 2 * ((q t - 1) * ((a t * a t + r t * r t) * (g (th t) - q t / 2))) + K * u' t.

    Lemma M_pos : 0 < M.
    Proof. unfold M. generalize Rb_pos (Rabs_pos c). lra. Qed.

    Lemma K_pos : 0 < K.
    Proof. unfold K. apply Rdiv_lt_0_compat; [generalize M_pos; lra|apply kappa_pos]. Qed.

    Lemma E_derive t : 0 <= t -> is_derive E t (E' t).
    Proof.
      intros Ht. unfold E, E'. apply is_derive_plus'.
      - apply (is_derive_eq _ _ (((a t * a t + r t * r t) * (g (th t) - q t / 2) - 0) * (q t - 1)
            + (q t - 1) * ((a t * a t + r t * r t) * (g (th t) - q t / 2) - 0))); [|ring].
        apply (is_derive_mult' (fun v => q v - 1) (fun v => q v - 1));
          apply (is_derive_minus' q (fun _ => 1)); try apply @is_derive_const; now apply q_derive.
      - apply (is_derive_scal u t K). now apply u_derive.
    Qed.

    Lemma E_nonneg t : 0 <= t -> 0 <= E t.
    Proof.
      intros Ht. unfold E. generalize (Rle_0_sqr (q t - 1)) (u_bounds t Ht) K_pos. unfold Rsqr. intros.
      assert (0 <= K * u t) by (apply Rmult_le_pos; lra). lra.
    Qed.

    Lemma E_rate t : 0 <= t -> E' t <= - rate * E t.
    Proof.
      intros Ht. generalize (square_sum_le t Ht) (square_sum_ge t Ht) (u_bounds t Ht) (u_rate t Ht) kappa_pos K_pos qm_pos
        (g_near_half (th t) (Hth t)) (g_le_half (th t) (Hth t)) M_pos.
      rewrite (Hcos t Ht). fold (u t). intros S1 S2 U UR KP KP' QP G1 G2 MP.
      set (S := a t * a t + r t * r t) in *. set (e := q t - 1).
      set (delta := 1 - 2 * g (th t)).
      assert (0 <= delta <= u t) as HD by (unfold delta; lra).
      assert (E' t = - S * (e * e + e * delta) + K * u' t) as -> by (unfold E', e, delta; fold S; field).
      (* - S (e^2 + e delta) <= - S e^2 / 2 + S delta^2 / 2 <= - qm e^2 + M u *)
      assert (- S * (e * e + e * delta) <= - qm * (e * e) + M * u t) as B1.
      { assert (0 <= S * ((e + delta) * (e + delta))) as Sq by (apply Rmult_le_pos; [lra|apply Rle_0_sqr]).
        assert (delta * delta <= 2 * u t) as D2.
        { apply Rle_trans with (u t * 2); [apply Rmult_le_compat; lra|lra]. }
        assert (S * (delta * delta) <= M * (2 * u t)) as D3.
        { apply Rmult_le_compat; try lra. apply Rle_0_sqr. }
        assert (2 * qm * (e * e) <= S * (e * e)) as D4 by (apply Rmult_le_compat_r; [apply Rle_0_sqr|lra]).
        lra. }
      assert (K * u' t <= - (2 * M) * u t) as B2.
      { apply Rle_trans with (K * (- kappa * u t)); [apply Rmult_le_compat_l; lra|].
        right. unfold K. field. lra. }
      assert (M * u t = kappa / 2 * (K * u t)) as B3 by (unfold K; field; lra).
      assert (rate <= qm) as R1 by apply Rmin_l. assert (rate <= kappa / 2) as R2 by apply Rmin_r.
      assert (rate * (e * e) <= qm * (e * e)) by (apply Rmult_le_compat_r; [apply Rle_0_sqr|trivial]).
      assert (rate * (K * u t) <= kappa / 2 * (K * u t)).
      { apply Rmult_le_compat_r; [apply Rmult_le_pos; lra|trivial]. }
      unfold E. fold e. lra.
    Qed.

    Lemma E_to_0 : is_lim E p_infty 0.
    Proof.
      apply (exp_decay_to_zero E E' rate); auto using E_derive, E_nonneg, E_rate.
      unfold rate. apply Rmin_pos; [apply qm_pos|generalize kappa_pos; lra].
    Qed.

    Lemma q_to_1 : is_lim q p_infty 1.
    Proof.
      apply is_lim_spec. intros [eps He]. simpl.
      generalize E_to_0. intros L. apply is_lim_spec in L.
      destruct (L (mkposreal (eps * eps) ltac:(nra))) as [B HB]. simpl in HB.
      exists (Rmax B 0). intros t Ht. assert (B < t) by (generalize (Rmax_l B 0); lra).
      assert (0 <= t) as Ht0 by (generalize (Rmax_r B 0); lra).
      specialize (HB t H). rewrite Rminus_0_r, Rabs_pos_eq in HB by now apply E_nonneg.
      unfold E in HB. generalize (u_bounds t Ht0) K_pos. intros U KP.
      assert (0 <= K * u t) by (apply Rmult_le_pos; lra).
      apply Rnot_le_lt. intros Hle.
      assert (Rabs (q t - 1) * Rabs (q t - 1) = (q t - 1) * (q t - 1)) as Sq.
      { rewrite <- Rabs_mult. apply Rabs_pos_eq, Rle_0_sqr. }
      assert (eps * eps <= Rabs (q t - 1) * Rabs (q t - 1)) by (apply Rmult_le_compat; lra). lra.
    Qed.

    (** L10 *)
    Lemma a_to_limit : is_lim a p_infty (a_limit c).
    Proof.
      apply (is_lim_ext_loc (fun t => sqrt ((c + sqrt (c * c + 4 * (q t * q t))) / 2))).
      { exists 0. intros t Ht. assert (0 <= t) as Ht0 by lra.
        rewrite <- (Hc t Ht0). symmetry. unfold q. apply a_from_cq; auto. }
      replace (a_limit c) with (sqrt ((c + sqrt (c * c + 4 * (1 * 1))) / 2)) by (unfold a_limit; do 4 f_equal; ring).
      apply (is_lim_comp_continuous q (fun y => sqrt ((c + sqrt (c * c + 4 * (y * y))) / 2))); [apply q_to_1|].
      apply (continuous_comp (fun y => (c + sqrt (c * c + 4 * (y * y))) / 2) sqrt); [|apply continuous_sqrt].
      apply (continuous_mult (fun y => c + sqrt (c * c + 4 * (y * y))) (fun _ => / 2)); [|apply continuous_const].
      apply (continuous_plus (fun _ => c)); [apply continuous_const|].
      apply (continuous_comp (fun y => c * c + 4 * (y * y)) sqrt); [|apply continuous_sqrt].
      apply @ex_derive_continuous. auto_derive. trivial.
    Qed.

    Lemma p_to_limit : is_lim p p_infty (/ a_limit c).
    Proof.
      generalize (a_limit_pos c). intros AL.
      apply (is_lim_ext_loc (fun t => q t * / a t * (1 - u t))).
      { exists 0. intros t Ht. assert (0 <= t) as Ht0 by lra.
        generalize (Ha t Ht0) (Hrp t Ht0). intros.
        change (a t * r t * / a t * (1 - (1 - p t / r t)) = p t). field. lra. }
      replace (/ a_limit c) with (1 * / a_limit c * (1 - 0)) by (field; lra).
      apply is_lim_mult'; [apply is_lim_mult'; [apply q_to_1|]|].
      - apply (is_lim_comp_continuous a Rinv); [apply a_to_limit|apply continuous_Rinv; lra].
      - apply is_lim_minus'; [apply is_lim_const|apply u_to_0].
    Qed.

    (** [||w_perp||^2 -> 0] *)
    Lemma V_to_0 : is_lim V p_infty 0.
    Proof.
      generalize (a_limit_pos c). intros AL.
      apply (is_lim_ext_loc (fun t => (q t * / a t) * (q t * / a t) - p t * p t)).
      { exists 0. intros t Ht. assert (0 <= t) as Ht0 by lra.
        generalize (r_sq _ _ _ _ F t Ht0) (Ha t Ht0). fold (r t). intros G A1.
        replace (q t * / a t) with (r t) by (unfold q; field; lra). lra. }
      replace 0 with ((1 * / a_limit c) * (1 * / a_limit c) - / a_limit c * / a_limit c) by ring.
      assert (is_lim (fun t => q t * / a t) p_infty (1 * / a_limit c)) as G.
      { apply is_lim_mult'; [apply q_to_1|].
        apply (is_lim_comp_continuous a Rinv); [apply a_to_limit|apply continuous_Rinv; lra]. }
      apply is_lim_minus'; apply is_lim_mult'; trivial; apply p_to_limit.
    Qed.
  End Positive.
End Inside.

Lemma is_lim_shift (f : R -> R) (s l : R) : is_lim (fun t => f (s + t)) p_infty l -> is_lim f p_infty l.
Proof.
  intros H. apply is_lim_spec in H. apply is_lim_spec. intros eps. destruct (H eps) as [M HM].
  exists (s + M). intros t Ht. replace t with (s + (t - s)) by ring. apply HM. lra.
Qed.

(** T4, inside, in the plane: [a0 > - r0] and [theta0 < PI] suffice. *)
Theorem plane_inside a p V : plane_flow (fun _ => 1) a p V ->
  - radius (p 0) (V 0) < a 0 -> theta (p 0) (V 0) < PI ->
  let c := a 0 * a 0 - radius (p 0) (V 0) * radius (p 0) (V 0) in
  is_lim a p_infty (a_limit c) /\ is_lim p p_infty (/ a_limit c) /\ is_lim V p_infty 0.
Proof.
  intros F Ha Hth c.
  destruct (a_becomes_nonnegative a p V F Ha Hth) as [s0 [Hs0 Has0]].
  set (s := s0 + 1). assert (0 < a s) as Has.
  { apply (a_crosses_upwards _ _ _ _ F Hth s0 s); unfold s; trivial; lra. }
  assert (0 <= s) as Hs by (unfold s; lra).
  generalize (plane_flow_shift _ _ _ _ s Hs F). intros G.
  assert (a (s + 0) * a (s + 0) - radius (p (s + 0)) (V (s + 0)) * radius (p (s + 0)) (V (s + 0)) = c) as Ec.
  { rewrite Rplus_0_r. apply (plane_conservation _ _ _ _ F s Hs). }
  assert (0 < a (s + 0)) as Ha' by now rewrite Rplus_0_r.
  assert (theta (p (s + 0)) (V (s + 0)) < PI) as Hth'.
  { rewrite Rplus_0_r. now apply (th_stays_below_PI _ _ _ _ F). }
  generalize (a_to_limit _ _ _ G Ha' Hth') (p_to_limit _ _ _ G Ha' Hth') (V_to_0 _ _ _ G Ha' Hth').
  rewrite Ec. intros L1 L2 L3. repeat split; now apply (is_lim_shift _ s).
Qed.
