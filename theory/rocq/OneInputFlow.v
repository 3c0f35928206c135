(** * OneInputFlow: the neuron with one input, [f(x) = a relu(w x)]: its flow and its basin

    On each branch only the samples on its side are active.  With
    [sp = 1/n sum_{x_i > 0} x_i^2], [bp = sum_{x_i > 0} x_i y_i / sum_{x_i > 0} x_i^2] for [w > 0] and
    [sm], [bm] likewise over [x_i < 0] for [w < 0], the gradient flow of the squared loss is

      w > 0 :  a' = sp w (bp - a w),   w' = sp a (bp - a w)
      w < 0 :  a' = sm w (bm - a w),   w' = sm a (bm - a w)
      w = 0 :  a' = 0,                 w' between the two one-sided speeds [sm a bm] and [sp a bp] (Filippov).

    (File [OneInputData] derives this from the samples.)  Noise-free labels [y = relu(x)] mean [bp = 1], [bm = 0];
    so does the population, with or without label noise ([s = 1/2] for [x ~ N(0,1)], [1/6] for [x ~ U(-1,1)]).
    [learns a w bp] (file [Necessity]): the limits of [a] and [w] exist, that of [w] is positive and their product
    is [bp > 0]. *)
From Coq Require Import Reals Lra.
From Coquelicot Require Import Coquelicot.
From Signescape Require Import Flow AlmostEverywhere Filippov Necessity.
Open Scope R_scope.

(** [(a, w)] is a Filippov solution of the system above: locally Lipschitz, the equations hold at almost every time. *)
Definition one_input_flow (sp bp sm bm : R) (a w : R -> R) : Prop :=
  locally_lipschitz a /\ locally_lipschitz w /\
  exists N, negligible N /\ forall t, 0 < t -> ~ N t ->
    (0 < w t -> is_derive a t (sp * w t * (bp - a t * w t)) /\ is_derive w t (sp * a t * (bp - a t * w t))) /\
    (w t < 0 -> is_derive a t (sm * w t * (bm - a t * w t)) /\ is_derive w t (sm * a t * (bm - a t * w t))) /\
    (w t = 0 -> is_derive a t 0 /\
       exists lam, 0 <= lam <= 1 /\ is_derive w t (lam * (sp * a t * bp) + (1 - lam) * (sm * a t * bm))).

Section OneInput.
  Variables (sp bp sm bm : R) (a w : R -> R).
  Hypothesis Hsp : 0 <= sp.
  Hypothesis Hsm : 0 <= sm.
  Hypothesis flow : one_input_flow sp bp sm bm a w.

  Let La : locally_lipschitz a. Proof. apply flow. Qed.
  Let Lw : locally_lipschitz w. Proof. apply flow. Qed.
  Let Lp : locally_lipschitz (fun t => a t * w t). Proof. now apply lip_mult. Qed.

  (** The three lines in one: [a' = w k], [w' = a k] with a common factor [k]. *)
  Definition factor (lam p : R) : R := lam * (sp * (bp - p)) + (1 - lam) * (sm * (bm - p)).

  Lemma flow_factor : exists N, negligible N /\ forall t, 0 < t -> ~ N t ->
    exists lam, 0 <= lam <= 1 /\ (0 < w t -> lam = 1) /\ (w t < 0 -> lam = 0) /\
      is_derive a t (w t * factor lam (a t * w t)) /\ is_derive w t (a t * factor lam (a t * w t)).
  Proof.
    destruct flow as [_ [_ [N [HN H]]]]. exists N. split; trivial. intros t Ht HNt.
    destruct (H t Ht HNt) as [H1 [H2 H3]]. unfold factor.
    destruct (Rtotal_order (w t) 0) as [Hw|[Hw|Hw]].
    - exists 0. destruct (H2 Hw) as [A B]. (split; [lra|]); (split; [lra|]); (split; [lra|]); split;
        [apply (is_derive_eq _ _ _ _ A)|apply (is_derive_eq _ _ _ _ B)]; ring.
    - destruct (H3 Hw) as [A [lam [Hl B]]]. exists lam. (split; [lra|]); (split; [lra|]); (split; [lra|]); split;
        [apply (is_derive_eq _ _ _ _ A)|apply (is_derive_eq _ _ _ _ B)]; rewrite Hw; ring.
    - exists 1. destruct (H1 Hw) as [A B]. (split; [lra|]); (split; [lra|]); (split; [lra|]); split;
        [apply (is_derive_eq _ _ _ _ A)|apply (is_derive_eq _ _ _ _ B)]; ring.
  Qed.

  (** The factor is bounded on every [[0, T]]. *)
  Lemma factor_bounded T : 0 <= T -> exists K, 0 <= K /\
    forall t lam, 0 <= t <= T -> 0 <= lam <= 1 -> - K <= factor lam (a t * w t) <= K.
  Proof.
    intros HT. destruct (lip_bounded _ Lp T HT) as [P [HP HB]].
    exists (sp * (Rabs bp + P) + sm * (Rabs bm + P)).
    generalize (Rabs_pos bp) (Rabs_pos bm). intros B1 B2.
    assert (0 <= sp * (Rabs bp + P)) by (apply Rmult_le_pos; lra).
    assert (0 <= sm * (Rabs bm + P)) by (apply Rmult_le_pos; lra).
    split; [lra|]. intros t lam Ht Hl. specialize (HB t Ht). apply Rabs_le_between in HB.
    generalize (Rle_abs bp) (Rle_abs (- bp)) (Rle_abs bm) (Rle_abs (- bm)). rewrite !Rabs_Ropp. intros.
    assert (G1 : - (sp * (Rabs bp + P)) <= sp * (bp - a t * w t) <= sp * (Rabs bp + P)) by nra.
    assert (G2 : - (sm * (Rabs bm + P)) <= sm * (bm - a t * w t) <= sm * (Rabs bm + P)) by nra.
    unfold factor. set (u := sp * (bp - a t * w t)) in *. set (v := sm * (bm - a t * w t)) in *.
    clearbody u v. split; nra.
  Qed.

  (** [a^2 - w^2] is constant. *)
  Lemma one_input_conservation s t : 0 <= s <= t -> a t * a t - w t * w t = a s * a s - w s * w s.
  Proof.
    intros Hst. destruct flow_factor as [N [HN H]].
    apply (ae_constant_on (fun u => a u * a u - w u * w u) N); trivial.
    - apply lip_minus; now apply lip_mult.
    - intros u Hu HNu. destruct (H u ltac:(lra) HNu) as [lam [_ [_ [_ [A B]]]]].
      set (k := factor lam (a u * w u)) in *. clearbody k.
      replace 0 with ((w u * k * a u + a u * (w u * k)) - (a u * k * w u + w u * (a u * k))) by ring.
      apply is_derive_minus'; now apply is_derive_mult'.
  Qed.

  (** The sign of [a + w] never changes (with label noise or without): [(a + w)' = k (a + w)]. *)
  Theorem sum_stays_positive s t : 0 <= s <= t -> 0 < a s + w s -> 0 < a t + w t.
  Proof.
    intros Hst Hs. destruct flow_factor as [N [HN H]]. destruct (factor_bounded t) as [K [HK HB]]; [lra|].
    apply (ae_pos_stays (fun u => a u + w u) N) with (K := K) (s := s); trivial; [now apply lip_plus|].
    intros u Hu HNu Hp. destruct (H u ltac:(lra) HNu) as [lam [Hl [_ [_ [A B]]]]].
    specialize (HB u lam ltac:(lra) Hl). set (k := factor lam (a u * w u)) in *. clearbody k.
    exists (w u * k + a u * k). split; [now apply is_derive_plus'|]. nra.
  Qed.

  Theorem sum_stays_nonpositive s t : 0 <= s <= t -> a s + w s <= 0 -> a t + w t <= 0.
  Proof.
    intros Hst Hs. destruct flow_factor as [N [HN H]]. destruct (factor_bounded t) as [K [HK HB]]; [lra|].
    apply (ae_nonpos_stays (fun u => a u + w u) N) with (K := K) (s := s); trivial; [now apply lip_plus|].
    intros u Hu HNu Hp. destruct (H u ltac:(lra) HNu) as [lam [Hl [_ [_ [A B]]]]].
    specialize (HB u lam ltac:(lra) Hl). set (k := factor lam (a u * w u)) in *. clearbody k.
    exists (w u * k + a u * k). split; [now apply is_derive_plus'|]. nra.
  Qed.

  (** Near a zero [tau] of [w] with [a tau > 0], [a] stays above [a tau / 2] and [|a w|] below any [eps]. *)
  Lemma near_zero tau eps : 0 <= tau -> w tau = 0 -> 0 < a tau -> 0 < eps ->
    exists d, 0 < d /\ forall u, 0 <= u -> Rabs (u - tau) < d -> a tau / 2 < a u /\ - eps < a u * w u < eps.
  Proof.
    intros Ht Hz Ha He.
    destruct (lip_cont0 a La tau (a tau / 2) Ht) as [d1 [Hd1 H1]]; [lra|].
    destruct (lip_cont0 _ Lp tau eps Ht He) as [d2 [Hd2 H2]].
    exists (Rmin d1 d2). split; [now apply Rmin_pos|]. intros u Hu Hut.
    specialize (H1 u Hu (Rlt_le_trans _ _ _ Hut (Rmin_l _ _))). apply Rabs_def2 in H1.
    specialize (H2 u Hu (Rlt_le_trans _ _ _ Hut (Rmin_r _ _))). simpl in H2.
    rewrite Hz, Rmult_0_r, Rminus_0_r in H2. apply Rabs_def2 in H2. lra.
  Qed.

  (** ** Inside the basin [w > 0], [a + w > 0] *)

  Section Basin.
    Variable s : R.
    Hypothesis Hs : 0 <= s.
    Hypothesis Hsp' : 0 < sp.
    Hypothesis Hbp : 0 < bp.
    Hypothesis Hw : 0 < w s.
    Hypothesis Hm : 0 < a s + w s.

    (** The basin is forward invariant. *)
    Lemma basin_invariant t : s <= t -> 0 < w t.
    Proof.
      intros Hst. destruct (Rlt_le_dec 0 (w t)) as [|Hle]; trivial. exfalso.
      destruct (first_zero w s t (lip_cont0 w Lw)) as [tau [Ht1 [Ht2 Ht3]]]; trivial; [lra|].
      assert (Ha : 0 < a tau). { generalize (sum_stays_positive s tau). lra. }
      destruct (near_zero tau bp ltac:(lra) Ht2 Ha Hbp) as [d [Hd H]].
      set (u := Rmax s (tau - d / 2)).
      assert (Hu : s <= u < tau). { unfold u, Rmax. destruct Rle_dec; lra. }
      assert (Hu' : tau - d / 2 <= u) by apply Rmax_r.
      destruct flow_factor as [N [HN Hf]].
      assert (w u <= w tau); [|generalize (Ht3 u Hu); lra].
      apply (ae_nondecreasing w N); trivial; [lra|]. intros v Hv HNv.
      destruct (Hf v ltac:(lra) HNv) as [lam [_ [Hl [_ [_ B]]]]].
      rewrite (Hl (Ht3 v ltac:(lra))) in B. eexists. split; [|exact B].
      assert (K : Rabs (v - tau) < d) by (apply Rabs_def1; lra).
      destruct (H v ltac:(lra) K) as [H1 H2]. unfold factor.
      apply Rmult_le_pos; [lra|]. assert (0 <= sp * (bp - a v * w v)) by (apply Rmult_le_pos; lra). lra.
    Qed.

    (** The error [e = bp - a w] obeys [e' = - sp (a^2 + w^2) e]. *)
    Lemma error_equation : exists N, negligible N /\ forall t, s < t -> ~ N t ->
      is_derive (fun u => bp - a u * w u) t (- (sp * (a t * a t + w t * w t)) * (bp - a t * w t)) /\
      is_derive (fun u => a u + w u) t (sp * (bp - a t * w t) * (a t + w t)).
    Proof.
      destruct flow_factor as [N [HN H]]. exists N. split; trivial. intros t Ht HNt.
      destruct (H t ltac:(lra) HNt) as [lam [_ [Hl [_ [A B]]]]].
      rewrite (Hl (basin_invariant t ltac:(lra))) in A, B. unfold factor in A, B. split.
      - match type of A with is_derive _ _ ?u => match type of B with is_derive _ _ ?v =>
          replace (- (sp * (a t * a t + w t * w t)) * (bp - a t * w t)) with (0 - (u * w t + a t * v)) by ring
        end end.
        apply is_derive_minus'; [apply @is_derive_const|]. now apply is_derive_mult'.
      - match type of A with is_derive _ _ ?u => match type of B with is_derive _ _ ?v =>
          replace (sp * (bp - a t * w t) * (a t + w t)) with (u + v) by ring
        end end. now apply is_derive_plus'.
    Qed.

    Lemma lip_error : locally_lipschitz (fun u => bp - a u * w u).
    Proof. apply (lip_minus (fun _ => bp)); [apply lip_const|exact Lp]. Qed.

    (** [a^2 + w^2] stays away from 0. *)
    Lemma speed_bounded_below : exists kappa, 0 < kappa /\ forall t, s <= t -> kappa <= a t * a t + w t * w t.
    Proof.
      destruct error_equation as [N [HN H]].
      destruct (Rle_lt_dec (bp - a s * w s) 0) as [He|He].
      - exists (2 * bp). split; [lra|]. intros t Ht.
        assert (bp - a t * w t <= 0); [|generalize (Rle_0_sqr (a t - w t)); unfold Rsqr; lra].
        apply (ae_nonpos_stays (fun u => bp - a u * w u) N lip_error HN 0 s t); try lra.
        intros u Hu HNu Hp. destruct (H u ltac:(lra) HNu) as [D _]. eexists. split; [exact D|].
        generalize (Rle_0_sqr (a u)) (Rle_0_sqr (w u)); unfold Rsqr; intros.
        assert (0 <= sp * (a u * a u + w u * w u)) by (apply Rmult_le_pos; lra). nra.
      - exists ((a s + w s) * (a s + w s) / 2). split; [nra|]. intros t Ht.
        assert (He' : forall u, s <= u -> 0 <= bp - a u * w u).
        { intros u Hu. cut (- (bp - a u * w u) <= 0); [lra|].
          apply (ae_nonpos_stays (fun u => - (bp - a u * w u)) N (lip_opp _ lip_error) HN 0 s u); try lra.
          intros v Hv HNv Hp. destruct (H v ltac:(lra) HNv) as [D _].
          eexists. split; [apply is_derive_opp', D|].
          generalize (Rle_0_sqr (a v)) (Rle_0_sqr (w v)); unfold Rsqr; intros.
          assert (0 <= sp * (a v * a v + w v * w v)) by (apply Rmult_le_pos; lra). nra. }
        assert (G : a s + w s <= a t + w t).
        { apply (ae_nondecreasing (fun u => a u + w u) N); trivial; [now apply lip_plus|lra|].
          intros u Hu HNu. destruct (H u ltac:(lra) HNu) as [_ D]. eexists. split; [|exact D].
          generalize (sum_stays_positive s u ltac:(lra) Hm) (He' u ltac:(lra)). intros.
          apply Rmult_le_pos; [apply Rmult_le_pos|]; lra. }
        generalize (Rle_0_sqr (a t - w t)); unfold Rsqr; intros. nra.
    Qed.

    (** The product [a w] tends to [bp]. *)
    Theorem basin_product : is_lim (fun t => a t * w t) p_infty bp.
    Proof.
      destruct error_equation as [N [HN H]]. destruct speed_bounded_below as [kappa [Hk HB]].
      assert (G : is_lim (fun t => (bp - a t * w t) * (bp - a t * w t)) p_infty 0).
      { apply (ae_decay_to_zero (fun t => (bp - a t * w t) * (bp - a t * w t)) N) with (k := 2 * sp * kappa) (s := s);
          trivial.
        - apply lip_mult; apply lip_error.
        - apply Rmult_lt_0_compat; lra.
        - intros t _. apply Rle_0_sqr.
        - intros u Hu HNu. destruct (H u Hu HNu) as [D _].
          eexists. split; [apply is_derive_mult'; exact D|].
          specialize (HB u ltac:(lra)).
          generalize (Rle_0_sqr (bp - a u * w u)); unfold Rsqr; intros.
          set (e2 := (bp - a u * w u) * (bp - a u * w u)) in *.
          set (r := a u * a u + w u * w u) in *.
          replace (- (sp * r) * (bp - a u * w u) * (bp - a u * w u) + (bp - a u * w u) * (- (sp * r) * (bp - a u * w u)))
            with (- (2 * sp * r) * e2) by (unfold e2; ring).
          apply Rmult_le_compat_r; trivial. apply Ropp_le_contravar. apply Rmult_le_compat_l; lra. }
      apply is_lim_spec in G. apply is_lim_spec. intros eps.
      destruct (G (mkposreal (eps * eps) (Rmult_lt_0_compat _ _ (cond_pos eps) (cond_pos eps)))) as [M HM].
      exists M. intros t Ht. specialize (HM t Ht). simpl in HM. rewrite Rminus_0_r in HM.
      rewrite Rabs_mult in HM. rewrite Rabs_minus_sym.
      generalize (Rabs_pos (bp - a t * w t)) (cond_pos eps). intros. nra.
    Qed.

    (** ... and [(a, w)] converges to the point of the hyperbola [a w = bp] with the same [c = a^2 - w^2]. *)
    Theorem basin_learns : learns a w bp.
    Proof.
      set (c := a s * a s - w s * w s).
      set (g := fun p => sqrt ((sqrt (c * c + 4 * (p * p)) - c) / 2)).
      assert (Eg : forall t, s <= t -> g (a t * w t) = w t).
      { intros t Ht. unfold g.
        assert (Ec : c = a t * a t - w t * w t). { symmetry. apply one_input_conservation. lra. }
        replace (c * c + 4 * (a t * w t * (a t * w t)))
          with (Rsqr (a t * a t + w t * w t)) by (rewrite Ec; unfold Rsqr; ring).
        rewrite sqrt_Rsqr by (generalize (Rle_0_sqr (a t)) (Rle_0_sqr (w t)); unfold Rsqr; lra).
        replace ((a t * a t + w t * w t - c) / 2) with (Rsqr (w t)) by (rewrite Ec; unfold Rsqr; field).
        apply sqrt_Rsqr. left. now apply basin_invariant. }
      assert (Lwg : is_lim w p_infty (g bp)).
      { apply (is_lim_ext_loc (fun t => g (a t * w t))).
        - exists s. intros t Ht. apply Eg. lra.
        - apply (is_lim_comp_continuous (fun t => a t * w t) g); [exact basin_product|].
          unfold g. apply continuous_sqrt_comp.
          apply (continuous_mult (fun p => sqrt (c * c + 4 * (p * p)) - c) (fun _ => / 2)); [|apply continuous_const].
          apply (continuous_minus (fun p => sqrt (c * c + 4 * (p * p))) (fun _ => c)); [|apply continuous_const].
          apply continuous_sqrt_comp. apply (ex_derive_continuous (fun p => c * c + 4 * (p * p))).
          auto_derive. trivial. }
      assert (Hg : 0 < g bp).
      { unfold g. apply sqrt_lt_R0. apply Rdiv_lt_0_compat; [|lra].
        assert (Rabs c < sqrt (c * c + 4 * (bp * bp))).
        { rewrite <- sqrt_Rsqr_abs. apply sqrt_lt_1_alt. unfold Rsqr. nra. }
        generalize (Rle_abs c). lra. }
      split; trivial. exists (bp / g bp), (g bp). repeat split; trivial.
      - apply (is_lim_ext_loc (fun t => a t * w t / w t)).
        + exists s. intros t Ht. field. apply Rgt_not_eq, basin_invariant. lra.
        + apply (is_lim_div (fun t => a t * w t) w p_infty bp (g bp)); trivial.
          * exact basin_product.
          * intros E. injection E. lra.
          * exact I.
      - field. lra.
    Qed.
  End Basin.
End OneInput.
