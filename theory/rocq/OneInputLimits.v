(** * OneInputLimits: where the noise-free one-input flow goes when it does not learn (claim T2a, the other limits)

    Noise-free: [bp = 1], [bm = 0]; both sides sampled ([sp > 0], [sm > 0]); [c = a0^2 - w0^2].
    - [w0 < 0]: [w] stays negative; [c > 0]: [(a, w) -> (sign(a0) sqrt c, 0)]; [c < 0]: [-> (0, - sqrt(-c))];
      [c = 0]: [-> (0, 0)];
    - [w0 > 0], [a0 = - w0]: [-> (0, 0)], [w] staying positive;
    - [w0 > 0], [a0 < - w0]: [w] reaches 0 in finite time and the trajectory rests there, at [(- sqrt c, 0)].
    In all of them the product [a w] tends to 0: the trained neuron is the zero function on the inputs. *)
From Coq Require Import Reals Lra Classical.
From Coquelicot Require Import Coquelicot.
From Signescape Require Import Flow AlmostEverywhere Filippov Necessity OneInputFlow OneInput.
Open Scope R_scope.

Lemma is_lim_sqrt (f : R -> R) (l : R) : is_lim f p_infty l -> is_lim (fun t => sqrt (f t)) p_infty (sqrt l).
Proof. intros H. apply (is_lim_comp_continuous f sqrt p_infty l H). apply continuous_sqrt. Qed.

Lemma is_lim_opp' (f : R -> R) (l : R) : is_lim f p_infty l -> is_lim (fun t => - f t) p_infty (- l).
Proof. intros H. apply (is_lim_opp f p_infty l H). Qed.

Lemma is_lim_eventually (f g : R -> R) (l s : R) : (forall t, s <= t -> f t = g t) ->
  is_lim f p_infty l -> is_lim g p_infty l.
Proof. intros E. apply is_lim_ext_loc. exists s. intros t Ht. apply E. lra. Qed.

(** [x^2 -> 0] implies [x -> 0]. *)
Lemma is_lim_square_zero (f : R -> R) : is_lim (fun t => f t * f t) p_infty 0 -> is_lim f p_infty 0.
Proof.
  intros G. apply is_lim_spec in G. apply is_lim_spec. intros eps.
  destruct (G (mkposreal (eps * eps) (Rmult_lt_0_compat _ _ (cond_pos eps) (cond_pos eps)))) as [M HM].
  exists M. intros t Ht. specialize (HM t Ht). simpl in *. rewrite Rminus_0_r in *. rewrite Rabs_mult in HM.
  generalize (Rabs_pos (f t)) (cond_pos eps). intros. nra.
Qed.

Section Limits.
  Variables (sp sm : R) (a w : R -> R).
  Hypothesis Hsp : 0 < sp.
  Hypothesis Hsm : 0 < sm.
  Hypothesis flow : one_input_flow sp 1 sm 0 a w.

  Let c := a 0 * a 0 - w 0 * w 0.
  Let La : locally_lipschitz a. Proof. apply flow. Qed.
  Let Lw : locally_lipschitz w. Proof. apply flow. Qed.

  Lemma cons t : 0 <= t -> a t * a t - w t * w t = c.
  Proof. intros. apply (one_input_conservation sp 1 sm 0 a w flow). lra. Qed.

  Section Left.
    Hypothesis Hw0 : w 0 < 0.

    Lemma left_forever t : 0 <= t -> w t < 0.
    Proof. apply (noise_free_sign_frozen sp 1 sm a w); trivial; lra. Qed.

    (** On [w < 0]: [(w^2)' = - 2 sm a^2 w^2 = (a^2)']. *)
    Lemma left_squares : exists N, negligible N /\ forall t, 0 < t -> ~ N t ->
      is_derive (fun u => w u * w u) t (- (2 * sm * (a t * a t)) * (w t * w t)) /\
      is_derive (fun u => a u * a u) t (- (2 * sm * (w t * w t)) * (a t * a t)) /\
      is_derive a t (- (sm * (w t * w t)) * a t).
    Proof.
      destruct flow as [_ [_ [N [HN H]]]]. exists N. split; trivial. intros t Ht HNt.
      destruct (H t Ht HNt) as [_ [H2 _]]. destruct (H2 (left_forever t ltac:(lra))) as [A B].
      split; [|split].
      - eapply is_derive_eq; [apply is_derive_mult'; exact B|]. ring.
      - eapply is_derive_eq; [apply is_derive_mult'; exact A|]. ring.
      - eapply is_derive_eq; [exact A|]. ring.
    Qed.

    (** [w0 < 0], [c > 0]. *)
    Theorem left_limit_pos : 0 < c -> is_lim w p_infty 0 /\
      (0 < a 0 -> is_lim a p_infty (sqrt c)) /\ (a 0 < 0 -> is_lim a p_infty (- sqrt c)).
    Proof.
      intros Hc. destruct left_squares as [N [HN H]].
      assert (L2 : is_lim (fun t => w t * w t) p_infty 0).
      { apply (ae_decay_to_zero (fun t => w t * w t) N) with (k := 2 * sm * c) (s := 0); trivial; try lra.
        - now apply lip_mult.
        - repeat apply Rmult_lt_0_compat; trivial; lra.
        - intros t _. apply Rle_0_sqr.
        - intros t Ht HNt. destruct (H t Ht HNt) as [D _]. eexists. split; [exact D|].
          apply Rmult_le_compat_r; [apply Rle_0_sqr|]. apply Ropp_le_contravar.
          apply Rmult_le_compat_l; [lra|]. generalize (cons t ltac:(lra)) (Rle_0_sqr (w t)). unfold Rsqr. lra. }
      split; [now apply is_lim_square_zero|].
      assert (LS : is_lim (fun t => sqrt (c + w t * w t)) p_infty (sqrt c)).
      { apply is_lim_sqrt. replace (Finite c) with (Finite (c + 0)) by (f_equal; ring).
        apply is_lim_plus'; trivial. apply is_lim_const. }
      assert (Hsq : forall t, 0 <= t -> c + w t * w t = a t * a t).
      { intros t Ht. generalize (cons t Ht). lra. }
      assert (Hsign : forall sg, sg = 1 \/ sg = -1 -> 0 < sg * a 0 -> forall t, 0 <= t -> 0 < sg * a t).
      { intros sg Hsg H0 t Ht. destruct (lip_bounded w Lw t Ht) as [M [HM HB]].
        apply (ae_pos_stays (fun u => sg * a u) N) with (K := sm * (M * M)) (s := 0); trivial; try lra.
        - apply lip_mult; trivial. apply lip_const.
        - intros u Hu HNu Hp. destruct (H u ltac:(lra) HNu) as [_ [_ D]].
          eexists. split; [apply (is_derive_scal a u sg); exact D|].
          specialize (HB u ltac:(lra)). apply Rabs_le_between in HB.
          assert (w u * w u <= M * M) by nra.
          replace (sg * (- (sm * (w u * w u)) * a u)) with (- (sm * (w u * w u)) * (sg * a u)) by ring.
          apply Rmult_le_compat_r; [lra|]. apply Ropp_le_contravar. apply Rmult_le_compat_l; lra. }
      split; intros Ha.
      - apply (is_lim_eventually (fun t => sqrt (c + w t * w t)) a (sqrt c) 0); trivial.
        intros t Ht. rewrite Hsq by trivial. apply sqrt_square.
        generalize (Hsign 1 ltac:(now left) ltac:(lra) t Ht). lra.
      - apply (is_lim_eventually (fun t => - sqrt (c + w t * w t)) a (- sqrt c) 0); [|now apply is_lim_opp'].
        intros t Ht. rewrite Hsq by trivial.
        generalize (Hsign (-1) ltac:(now right) ltac:(lra) t Ht). intros.
        replace (a t * a t) with ((- a t) * (- a t)) by ring. rewrite sqrt_square; lra.
    Qed.

    (** [w0 < 0], [c < 0]. *)
    Theorem left_limit_neg : c < 0 -> is_lim a p_infty 0 /\ is_lim w p_infty (- sqrt (- c)).
    Proof.
      intros Hc. destruct left_squares as [N [HN H]].
      assert (L2 : is_lim (fun t => a t * a t) p_infty 0).
      { apply (ae_decay_to_zero (fun t => a t * a t) N) with (k := 2 * sm * - c) (s := 0); trivial; try lra.
        - now apply lip_mult.
        - repeat apply Rmult_lt_0_compat; trivial; lra.
        - intros t _. apply Rle_0_sqr.
        - intros t Ht HNt. destruct (H t Ht HNt) as [_ [D _]]. eexists. split; [exact D|].
          apply Rmult_le_compat_r; [apply Rle_0_sqr|]. apply Ropp_le_contravar.
          apply Rmult_le_compat_l; [lra|]. generalize (cons t ltac:(lra)) (Rle_0_sqr (a t)). unfold Rsqr. lra. }
      split; [now apply is_lim_square_zero|].
      apply (is_lim_eventually (fun t => - sqrt (a t * a t + - c)) w (- sqrt (- c)) 0).
      - intros t Ht. replace (a t * a t + - c) with ((- w t) * (- w t)) by (generalize (cons t Ht); lra).
        rewrite sqrt_square; [ring|]. generalize (left_forever t Ht). lra.
      - apply is_lim_opp', is_lim_sqrt. replace (Finite (- c)) with (Finite (0 + - c)) by (f_equal; ring).
        apply is_lim_plus'; trivial. apply is_lim_const.
    Qed.

    (** [w0 < 0], [c = 0]. *)
    Theorem left_limit_zero : c = 0 -> is_lim a p_infty 0 /\ is_lim w p_infty 0.
    Proof.
      intros Hc. destruct left_squares as [N [HN H]].
      assert (Hsq : forall t, 0 <= t -> a t * a t = w t * w t) by (intros t Ht; generalize (cons t Ht); lra).
      assert (L2 : is_lim (fun t => w t * w t) p_infty 0).
      { apply (ae_vanishes (fun t => w t * w t) N) with (s := 0); trivial; try lra.
        - now apply lip_mult.
        - intros t _. apply Rle_0_sqr.
        - intros eps He. exists (2 * sm * eps * eps). split; [repeat apply Rmult_lt_0_compat; lra|].
          intros t Ht HNt. destruct (H t Ht HNt) as [D _]. rewrite (Hsq t ltac:(lra)) in D.
          eexists. split; [exact D|]. generalize (Rle_0_sqr (w t)). unfold Rsqr. set (v := w t * w t). intros Hv.
          assert (0 <= 2 * sm * (v * v)) by (apply Rmult_le_pos; nra). split; [lra|].
          intros Hev. assert (2 * sm * (eps * eps) <= 2 * sm * (v * v)) by (apply Rmult_le_compat_l; nra). lra. }
      split; apply is_lim_square_zero; trivial.
      apply (is_lim_eventually (fun t => w t * w t) (fun t => a t * a t) 0 0); trivial.
      intros t Ht. symmetry. now apply Hsq.
    Qed.
  End Left.

  Section Right.
    Hypothesis Hw0 : 0 < w 0.

    (** [w0 > 0], [a0 = - w0]. *)
    Theorem right_limit_balanced : a 0 = - w 0 ->
      (forall t, 0 <= t -> 0 < w t /\ a t = - w t) /\ is_lim a p_infty 0 /\ is_lim w p_infty 0.
    Proof.
      intros H0.
      assert (Hc : c = 0) by (unfold c; rewrite H0; ring).
      destruct (flow_factor sp 1 sm 0 a w flow) as [N [HN H]].
      assert (Hle : forall t, 0 <= t -> a t + w t <= 0).
      { intros t Ht. apply (sum_stays_nonpositive sp 1 sm 0 a w ltac:(lra) ltac:(lra) flow 0 t); lra. }
      assert (Habs : forall t, 0 <= t -> 0 < w t -> a t = - w t).
      { intros t Ht Hp. generalize (cons t Ht) (Hle t Ht). rewrite Hc. intros E Hl.
        assert (Hq : (a t + w t) * (a t - w t) = 0) by lra. apply Rmult_integral in Hq. lra. }
      assert (Hpos : forall t, 0 <= t -> 0 < w t).
      { intros t Ht. destruct (factor_bounded sp 1 sm 0 a w ltac:(lra) ltac:(lra) flow t Ht) as [K [HK HB]].
        apply (ae_pos_stays w N) with (K := K) (s := 0); trivial; try lra.
        intros u Hu HNu Hp. destruct (H u ltac:(lra) HNu) as [lam [Hl [_ [_ [_ B]]]]].
        specialize (HB u lam ltac:(lra) Hl). set (k := factor _ _ _ _ _ _) in *. clearbody k.
        eexists. split; [exact B|]. rewrite (Habs u ltac:(lra) Hp). nra. }
      assert (Lw0 : is_lim w p_infty 0).
      { apply (ae_decay_to_zero w N) with (k := sp) (s := 0); trivial; try lra.
        - intros t Ht. left. now apply Hpos.
        - intros u Hu HNu. assert (Hp := Hpos u ltac:(lra)).
          destruct (H u ltac:(lra) HNu) as [lam [Hl [H1 [_ [_ B]]]]]. rewrite (H1 Hp) in B. unfold factor in B.
          eexists. split; [exact B|]. rewrite (Habs u ltac:(lra) Hp).
          assert (0 <= sp * (w u * (w u * w u))) by (repeat apply Rmult_le_pos; lra). lra. }
      split; [intros t Ht; split; auto|]. split; trivial.
      apply (is_lim_eventually (fun t => - w t) a 0 0).
      - intros t Ht. symmetry. auto.
      - replace 0 with (- 0) by ring. now apply is_lim_opp'.
    Qed.

    (** [w0 > 0], [a0 < - w0]: [w] reaches 0 by the time [w0 / (sp sqrt c)] and rests there for ever. *)
    Theorem right_dies : a 0 < - w 0 ->
      exists tau, 0 < tau <= w 0 / (sp * sqrt c) /\
        (forall t, 0 <= t < tau -> 0 < w t) /\ (forall t, tau <= t -> w t = 0 /\ a t = - sqrt c).
    Proof.
      intros H0.
      assert (Hc : 0 < c). { unfold c. replace (_ - _) with ((a 0 + w 0) * (a 0 - w 0)) by ring. nra. }
      assert (Hrc := sqrt_lt_R0 c Hc). assert (Hrc2 := sqrt_sqrt c (Rlt_le _ _ Hc)).
      destruct (flow_factor sp 1 sm 0 a w flow) as [N [HN H]].
      assert (Hle : forall t, 0 <= t -> a t + w t <= 0).
      { intros t Ht. apply (sum_stays_nonpositive sp 1 sm 0 a w ltac:(lra) ltac:(lra) flow 0 t); lra. }
      assert (Ha2 : forall t, 0 <= t -> sqrt c * sqrt c <= a t * a t).
      { intros t Ht. generalize (cons t Ht) (Rle_0_sqr (w t)). unfold Rsqr. lra. }
      assert (Ha : forall t, 0 <= t -> 0 <= w t -> a t <= - sqrt c).
      { intros t Ht Hwt. generalize (Ha2 t Ht) (Hle t Ht). intros. nra. }
      set (delta := sp * sqrt c).
      assert (Hd : 0 < delta) by (unfold delta; now apply Rmult_lt_0_compat).
      assert (HT : 0 < w 0 / delta) by now apply Rdiv_lt_0_compat.
      assert (Hspeed : forall u, 0 < u -> ~ N u -> 0 < w u -> exists l, is_derive w u l /\ l <= - delta).
      { intros u Hu HNu Hp. destruct (H u Hu HNu) as [lam [_ [H1 [_ [_ B]]]]]. rewrite (H1 Hp) in B. unfold factor in B.
        eexists. split; [exact B|]. assert (Hau := Ha u ltac:(lra) ltac:(lra)).
        assert (0 <= - a u * w u) by (apply Rmult_le_pos; lra).
        assert (sqrt c * 1 <= - a u * (1 - a u * w u)) by (apply Rmult_le_compat; lra).
        assert (sp * (sqrt c * 1) <= sp * (- a u * (1 - a u * w u))) by (apply Rmult_le_compat_l; lra).
        unfold delta. lra. }
      assert (Hex : exists t, 0 <= t <= w 0 / delta /\ w t <= 0).
      { apply NNPP. intros Hno.
        assert (Hp : forall t, 0 <= t <= w 0 / delta -> 0 < w t).
        { intros t Ht. destruct (Rlt_le_dec 0 (w t)); trivial. exfalso. apply Hno. now exists t. }
        assert (G : - w 0 + delta * (w 0 / delta - 0) <= - w (w 0 / delta)).
        { apply (ae_growth (fun u => - w u) N (lip_opp _ Lw) HN); [lra|]. intros u Hu HNu.
          destruct (Hspeed u ltac:(lra) HNu (Hp u ltac:(lra))) as [l [D Hl]].
          exists (- l). split; [lra|now apply is_derive_opp']. }
        assert (E : delta * (w 0 / delta - 0) = w 0) by (field; lra).
        generalize (Hp (w 0 / delta)). lra. }
      destruct Hex as [t1 [Ht1 Hwt1]].
      destruct (first_zero w 0 t1 (lip_cont0 w Lw)) as [tau [Htau [Hz Hbefore]]]; try lra.
      exists tau. split; [lra|]. split; [intros t Ht; apply Hbefore; lra|].
      assert (Hnonpos : forall t, tau <= t -> w t <= 0).
      { intros t Ht. apply (ae_nonpos_stays w N Lw HN 0 tau t); try lra.
        intros u Hu HNu Hp. destruct (Hspeed u ltac:(lra) HNu Hp) as [l [D Hl]]. exists l. split; trivial. lra. }
      assert (Hnonneg : forall t, tau <= t -> 0 <= w t).
      { intros t Ht. cut (- w t <= 0); [lra|].
        apply (ae_nonpos_stays (fun u => - w u) N (lip_opp _ Lw) HN 0 tau t); try lra.
        intros u Hu HNu Hp. destruct (H u ltac:(lra) HNu) as [lam [_ [_ [H2 [_ B]]]]].
        rewrite (H2 ltac:(lra)) in B. unfold factor in B.
        eexists. split; [apply is_derive_opp'; exact B|].
        assert (0 <= sm * ((a u * a u) * - w u)).
        { apply Rmult_le_pos; [lra|]. apply Rmult_le_pos; [apply Rle_0_sqr|lra]. }
        lra. }
      intros t Ht. assert (Hwt : w t = 0) by (generalize (Hnonpos t Ht) (Hnonneg t Ht); lra).
      split; trivial. assert (E := cons t ltac:(lra)). rewrite Hwt in E.
      assert (Hat := Ha t ltac:(lra) ltac:(lra)).
      assert (Hq : (a t + sqrt c) * (a t - sqrt c) = 0) by lra. apply Rmult_integral in Hq. lra.
    Qed.
  End Right.
End Limits.
