(** * OneInputExamples: the hypotheses of the one-input theorems are met, and [w0 <> 0] is needed

    - [classical_flow]: a classical solution with [w > 0] is a solution in the sense of [one_input_flow];
    - [logistic_solution]: the balanced logistic of claim T2 is one, from every [a0 = w0 > 0], and it learns;
    - [rest_at_kink], [leaves_kink], [kink_not_unique]: noise-free, from [a0 = 1], [w0 = 0] one solution rests for
      ever and another one learns, so at [w0 = 0 < a0] the initial values do not decide. *)
From Coq Require Import Reals Lra.
From Coquelicot Require Import Coquelicot.
From Signescape Require Import Flow AlmostEverywhere Filippov Necessity OneInputFlow OneInput.
Open Scope R_scope.

Lemma negligible_empty : negligible (fun _ => False).
Proof.
  intros eps He. exists (fun _ => 0), (fun _ => 0). split; [intros; lra|]. split; [intros t []|].
  intros n. apply Rle_trans with 0; [|lra]. right. induction n; simpl; [ring|]. rewrite IHn. ring.
Qed.

Lemma lip_of_derive (f f' : R -> R) : (forall t, 0 <= t -> is_derive f t (f' t)) -> loc_bounded f' ->
  locally_lipschitz f.
Proof.
  intros Hd Hb T HT. destruct (Hb T HT) as [K HK]. exists K. split.
  { eapply Rle_trans; [apply Rabs_pos|apply (HK 0); lra]. }
  assert (G : forall s t, 0 <= s < t -> t <= T -> Rabs (f t - f s) <= K * Rabs (t - s)).
  { intros s t Hst Ht. destruct (mean_value f f' s t) as [u [Hu E]]; [lra|intros; apply Hd; lra|].
    rewrite E, Rabs_mult. apply Rmult_le_compat_r; [apply Rabs_pos|]. apply HK. lra. }
  intros s t Hs Ht. destruct (Rtotal_order s t) as [H|[<-|H]].
  - apply G; lra.
  - rewrite !Rminus_eq_0, Rabs_R0. lra.
  - rewrite (Rabs_minus_sym (f t)), (Rabs_minus_sym t). apply G; lra.
Qed.

Lemma cont0_mult (f g : R -> R) : cont0 f -> cont0 g -> loc_bounded (fun t => f t * g t).
Proof.
  intros Hf Hg T HT. destruct (cont0_loc_bounded f Hf T HT) as [M HM]. destruct (cont0_loc_bounded g Hg T HT) as [K HK].
  exists (M * K). intros t Ht. rewrite Rabs_mult. apply Rmult_le_compat; try apply Rabs_pos; auto.
Qed.

(** Two-sided derivatives at [t = 0] are no loss of generality: see the head of [Flow]. *)
Theorem classical_flow (sp bp sm bm : R) (a w : R -> R) :
  (forall t, 0 <= t -> is_derive a t (sp * w t * (bp - a t * w t))) ->
  (forall t, 0 <= t -> is_derive w t (sp * a t * (bp - a t * w t))) ->
  (forall t, 0 < t -> 0 < w t) -> one_input_flow sp bp sm bm a w.
Proof.
  intros Ha Hw Hp.
  assert (B : forall v v' : R -> R, (forall t, 0 <= t -> is_derive v t (v' t)) ->
    loc_bounded (fun t => sp * v t * (bp - a t * w t))).
  { intros v v' Hv T HT.
    destruct (cont0_loc_bounded v (derive_cont0 _ _ Hv) T HT) as [V HV].
    destruct (cont0_mult a w (derive_cont0 _ _ Ha) (derive_cont0 _ _ Hw) T HT) as [P HP].
    exists (Rabs sp * V * (Rabs bp + P)). intros t Ht. rewrite !Rabs_mult.
    apply Rmult_le_compat; try apply Rabs_pos.
    - apply Rmult_le_pos; apply Rabs_pos.
    - apply Rmult_le_compat_l; [apply Rabs_pos|auto].
    - unfold Rminus. eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_Ropp. apply Rplus_le_compat_l. auto. }
  split; [apply (lip_of_derive a _ Ha), (B w _ Hw)|]. split; [apply (lip_of_derive w _ Hw), (B a _ Ha)|].
  exists (fun _ => False). split; [apply negligible_empty|]. intros t Ht _. specialize (Hp t Ht).
  split; [|split]; intros H; try lra. split; [apply Ha|apply Hw]; lra.
Qed.

(** The logistic [p] with [p' = 2 s p (1 - p)], [p 0 = p0 > 0], and [a = w = sqrt p]. *)
Definition logistic_curve (s p0 t : R) : R := 1 / (1 + (1 / p0 - 1) * exp (- (2 * s) * t)).

Section LogisticSolution.
  Variables s sm p0 : R.
  Hypothesis Hs : 0 < s.
  Hypothesis Hsm : 0 <= sm.
  Hypothesis Hp0 : 0 < p0.

  Lemma logistic_den t : 0 <= t -> 0 < 1 + (1 / p0 - 1) * exp (- (2 * s) * t).
  Proof.
    intros Ht. assert (0 < 1 / p0) by (apply Rdiv_lt_0_compat; lra). assert (H1 := exp_pos (- (2 * s) * t)).
    assert (exp (- (2 * s) * t) <= 1).
    { rewrite <- exp_0. destruct (Rle_lt_or_eq_dec 0 t Ht) as [H0|<-].
      - left. apply exp_increasing. nra.
      - right. f_equal. ring. }
    nra.
  Qed.

  Lemma logistic_pos t : 0 <= t -> 0 < logistic_curve s p0 t.
  Proof. intros Ht. apply Rdiv_lt_0_compat; [lra|now apply logistic_den]. Qed.

  Let v t := sqrt (logistic_curve s p0 t).

  Lemma logistic_root t : 0 <= t -> is_derive v t (s * v t * (1 - v t * v t)).
  Proof.
    intros Ht. assert (Hden := logistic_den t Ht). assert (Hpos := logistic_pos t Ht).
    assert (Hv : 0 < v t) by now apply sqrt_lt_R0.
    assert (Hvv : v t * v t = logistic_curve s p0 t) by (apply sqrt_sqrt; lra).
    assert (Hd : is_derive (logistic_curve s p0) t
                   (2 * s * logistic_curve s p0 t * (1 - logistic_curve s p0 t))).
    { unfold logistic_curve at 1. auto_derive; [lra|]. unfold logistic_curve.
      set (e := exp _) in *. assert (H : 0 < p0 * (1 + (1 / p0 - 1) * e)) by now apply Rmult_lt_0_compat.
      replace (p0 * (1 + (1 / p0 - 1) * e)) with (p0 + (1 - p0) * e) in H by (field; lra).
      field. repeat split; lra. }
    unfold v at 1. eapply is_derive_eq.
    - apply (is_derive_comp sqrt (logistic_curve s p0)); [|exact Hd].
      apply is_derive_Reals. now apply derivable_pt_lim_sqrt.
    - fold (v t). unfold scal; simpl; unfold mult; simpl. rewrite <- Hvv. field. lra.
  Qed.

  Theorem logistic_solution : one_input_flow s 1 sm 0 v v /\ learns v v 1.
  Proof.
    assert (F : one_input_flow s 1 sm 0 v v).
    { apply classical_flow; try exact logistic_root. intros t Ht. apply sqrt_lt_R0, logistic_pos. lra. }
    split; trivial. assert (0 < v 0) by (apply sqrt_lt_R0, logistic_pos; lra).
    apply (noise_free_learns_iff s sm v v); trivial; lra.
  Qed.
End LogisticSolution.

(** From [a0 = 1], [w0 = 0] (noise-free, [sp = 1]): resting is a solution ... *)
Theorem rest_at_kink (sm : R) : one_input_flow 1 1 sm 0 (fun _ => 1) (fun _ => 0).
Proof.
  split; [apply lip_const|]. split; [apply lip_const|]. exists (fun _ => False). split; [apply negligible_empty|].
  intros t Ht _. split; [|split]; intros H; try lra. split; [apply @is_derive_const|].
  exists 0. split; [lra|]. eapply is_derive_eq; [apply @is_derive_const|]. unfold zero; simpl. ring.
Qed.

(** ... and leaving to the right is another: [w / a = x / y] as in [Mobius], [a^2 - w^2 = 1]. *)
Section LeavesKink.
  Let om := sqrt 5.
  Let E t := exp (om * t).
  Let x t := 2 * (E t - 1).
  Let y t := om * (E t + 1) + (E t - 1).
  Let r t := sqrt (y t * y t - x t * x t).

  Lemma om_bounds : om * om = 5 /\ 2 < om.
  Proof.
    split; [apply sqrt_sqrt; lra|]. unfold om. rewrite <- (sqrt_square 2) by lra. apply sqrt_lt_1_alt. lra.
  Qed.

  Lemma E_ge_1 t : 0 <= t -> 1 <= E t.
  Proof.
    intros Ht. destruct om_bounds as [_ H]. unfold E. rewrite <- exp_0. destruct Ht as [Ht|<-].
    - left. apply exp_increasing. nra.
    - right. f_equal. ring.
  Qed.

  Lemma r_square t : 0 <= t -> 0 < y t * y t - x t * x t.
  Proof.
    intros Ht. generalize (E_ge_1 t Ht). destruct om_bounds as [_ H]. intros.
    replace (_ - _) with ((y t - x t) * (y t + x t)) by ring. unfold x, y. apply Rmult_lt_0_compat; nra.
  Qed.

  Let a t := y t / r t.
  Let w t := x t / r t.

  Lemma derive_kink (f : R -> R) (l : R) t : 0 <= t -> is_derive f t l ->
    is_derive (fun u => f u / r u) t
      (l / r t - f t * (om / 2 * (y t * y t - x t * x t) + / 2 * (x t * x t + y t * y t)) / (r t * r t * r t)).
  Proof.
    intros Ht Hl. destruct om_bounds as [Hom _]. assert (HD := r_square t Ht).
    assert (Hr : 0 < r t) by now apply sqrt_lt_R0.
    assert (Dx : is_derive x t (2 * (om * E t))) by (unfold x, E; auto_derive; trivial; ring).
    assert (Dy : is_derive y t ((om + 1) * (om * E t))) by (unfold y, E; auto_derive; trivial; ring).
    assert (Dr : is_derive r t ((om / 2 * (y t * y t - x t * x t) + / 2 * (x t * x t + y t * y t)) / r t)).
    { unfold r at 1. eapply is_derive_eq.
      - apply (is_derive_comp sqrt (fun u => y u * y u - x u * x u)).
        + apply is_derive_Reals. now apply derivable_pt_lim_sqrt.
        + apply is_derive_minus'; apply is_derive_mult'; eassumption.
      - fold (r t). unfold scal; simpl; unfold mult; simpl. unfold Rdiv. rewrite Rinv_mult.
        transitivity ((y t * ((om + 1) * (om * E t)) - x t * (2 * (om * E t))) * / r t); [field; lra|]. f_equal.
        unfold x, y. apply Rminus_diag_uniq.
        transitivity ((om * om - 5) * (om * (E t * E t - 1) / 2 + (E t - 1) * (E t - 1) / 2)); [field|].
        rewrite Hom. ring. }
    eapply is_derive_eq.
    - apply (is_derive_div f r); [exact Hl|exact Dr|lra].
    - unfold minus, plus, opp, scal; simpl; unfold mult; simpl. field. lra.
  Qed.

  Lemma leaves_kink_derive t : 0 <= t ->
    is_derive a t (1 * w t * (1 - a t * w t)) /\ is_derive w t (1 * a t * (1 - a t * w t)).
  Proof.
    intros Ht. destruct om_bounds as [Hom _]. assert (HD := r_square t Ht).
    assert (Hr : 0 < r t) by now apply sqrt_lt_R0.
    assert (Hrr : r t * r t = y t * y t - x t * x t) by (apply sqrt_sqrt; lra).
    assert (Dx : is_derive x t (om / 2 * x t - x t / 2 + y t)).
    { unfold x, y, E. auto_derive; trivial. field. }
    assert (Dy : is_derive y t (om / 2 * y t + x t + y t / 2)).
    { apply (is_derive_eq y t ((om + 1) * (om * E t))); [unfold y, E; auto_derive; trivial; ring|].
      unfold x, y. apply Rminus_diag_uniq.
      assert (Hom2 : om * om * E t = 5 * E t) by now rewrite Hom. lra. }
    assert (Haw : a t * w t = y t * x t / (y t * y t - x t * x t)) by (unfold a, w; rewrite <- Hrr; field; lra).
    rewrite Haw. split; (eapply is_derive_eq; [apply derive_kink; eassumption|]); rewrite Hrr; unfold a, w; field; lra.
  Qed.

  (** The second solution moves right at once; the one-input theorem, from any later time, says that it learns. *)
  Theorem leaves_kink (sm : R) : 0 <= sm ->
    a 0 = 1 /\ w 0 = 0 /\ one_input_flow 1 1 sm 0 a w /\ learns a w 1.
  Proof.
    intros Hsm. destruct om_bounds as [Hom Hom2].
    assert (E0 : E 0 = 1) by (unfold E; rewrite Rmult_0_r; apply exp_0).
    assert (X0 : x 0 = 0) by (unfold x; rewrite E0; ring).
    assert (Hr0 : r 0 = y 0).
    { unfold r. rewrite X0. replace (y 0 * y 0 - 0 * 0) with (y 0 * y 0) by ring. apply sqrt_square.
      unfold y. rewrite E0. lra. }
    assert (Hy0 : 0 < y 0) by (unfold y; rewrite E0; lra).
    assert (Ha0 : a 0 = 1) by (unfold a; rewrite Hr0; field; lra).
    assert (Hw0 : w 0 = 0) by (unfold w; rewrite X0; unfold Rdiv; ring).
    assert (Hpos : forall t, 0 < t -> 0 < w t).
    { intros t Ht. apply Rdiv_lt_0_compat; [|apply sqrt_lt_R0, r_square; lra].
      unfold x. assert (1 < E t); [|lra]. unfold E. rewrite <- exp_0. apply exp_increasing. nra. }
    assert (F : one_input_flow 1 1 sm 0 a w).
    { apply classical_flow; trivial; intros t Ht; apply (leaves_kink_derive t Ht). }
    split; [trivial|]. split; [trivial|]. split; [trivial|].
    apply (basin_learns 1 1 sm 0 a w ltac:(lra) Hsm F 1); try lra.
    - apply Hpos. lra.
    - apply (sum_stays_positive 1 1 sm 0 a w ltac:(lra) Hsm F 0 1); lra.
  Qed.
End LeavesKink.

(** At [a0 = 1], [w0 = 0] neither "always learns" nor "never learns" is true of the noise-free inclusion. *)
Theorem kink_not_unique (sm : R) : 0 <= sm ->
  (exists a w, one_input_flow 1 1 sm 0 a w /\ a 0 = 1 /\ w 0 = 0 /\ learns a w 1) /\
  (exists a w, one_input_flow 1 1 sm 0 a w /\ a 0 = 1 /\ w 0 = 0 /\ ~ learns a w 1).
Proof.
  intros Hsm. split.
  - eexists _, _. destruct (leaves_kink sm Hsm) as [A [B [C D]]]. split; [exact C|]. now split.
  - exists (fun _ => 1), (fun _ => 0). split; [apply rest_at_kink|]. split; trivial. split; trivial.
    intros [_ [al [wl [_ [Hw [Hpos _]]]]]]. apply is_lim_unique in Hw. rewrite Lim_const in Hw.
    injection Hw. lra.
Qed.
