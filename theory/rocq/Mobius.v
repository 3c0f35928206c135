(** * Mobius: closed forms on one branch of the one-input flow (claims T2, T2b, T2c)

    On a branch ([w > 0] with [s = sp], [b = bp], or [w < 0] with [s = sm], [b = bm]) the flow is
    [a' = s w (b - a w)], [w' = s a (b - a w)].  With [c = a0^2 - w0^2] and [om = sqrt (c^2 + 4 b^2)]:
    - [mobius] (T2c): [w / a] is the Möbius function of [k = tanh (s om t / 2)]
      [(w0 om + (2 b a0 - c w0) k) / (a0 om + (c a0 + 2 b w0) k)], for every sign of [a0], [w0], [b], [c];
    - [logistic] (T2): for [c = 0] the product is logistic;
    - [crossing_time] (T2b): from [a0 > 0 > w0], [c > 0], [b > 0] the first zero of [w] is at
      [2 / (s om) artanh (om |w0| / (2 b a0 + c |w0|))]. *)
From Coq Require Import Reals Lra.
From Coquelicot Require Import Coquelicot.
From Signescape Require Import Flow AlmostEverywhere Filippov OneInputFlow OneInput.
Open Scope R_scope.

(** [tanh x = (e - 1) / (e + 1)] with [e = exp (2 x)]. *)
Lemma tanh_exp x : tanh x = (exp (2 * x) - 1) / (exp (2 * x) + 1).
Proof.
  unfold tanh, sinh, cosh. replace (2 * x) with (x + x) by ring. rewrite exp_plus, exp_Ropp.
  generalize (exp_pos x). intros. field. split; nra.
Qed.

Definition artanh (z : R) : R := / 2 * ln ((1 + z) / (1 - z)).

Lemma artanh_tanh x : artanh (tanh x) = x.
Proof.
  unfold artanh. rewrite tanh_exp. generalize (exp_pos (2 * x)). intros.
  replace ((1 + (exp (2 * x) - 1) / (exp (2 * x) + 1)) / (1 - (exp (2 * x) - 1) / (exp (2 * x) + 1)))
    with (exp (2 * x)) by (field; lra).
  rewrite ln_exp. field.
Qed.

(** A function with [f' = r f], [r] bounded, that starts at 0 stays 0. *)
Lemma ae_zero_stays (f : R -> R) (N : R -> Prop) (K T : R) : locally_lipschitz f -> negligible N ->
  0 <= T -> f 0 = 0 ->
  (forall u, 0 < u < T -> ~ N u -> exists r, - K <= r <= K /\ is_derive f u (r * f u)) -> f T = 0.
Proof.
  intros Lf HN HT H0 H. apply Rle_antisym.
  - apply (ae_nonpos_stays f N Lf HN K 0 T); try lra. intros u Hu HNu Hp.
    destruct (H u Hu HNu) as [r [Hr D]]. eexists. split; [exact D|]. nra.
  - cut (- f T <= 0); [lra|].
    apply (ae_nonpos_stays (fun u => - f u) N (lip_opp f Lf) HN K 0 T); try lra. intros u Hu HNu Hp.
    destruct (H u Hu HNu) as [r [Hr D]]. eexists. split; [apply is_derive_opp'; exact D|]. nra.
Qed.

Section Branch.
  Variables (s b T : R) (a w : R -> R) (N : R -> Prop).
  Hypothesis HT : 0 <= T.
  Hypothesis La : locally_lipschitz a.
  Hypothesis Lw : locally_lipschitz w.
  Hypothesis HN : negligible N.
  (** The trajectory is on the branch at almost every time in [(0, T)]. *)
  Hypothesis branch : forall t, 0 < t < T -> ~ N t ->
    is_derive a t (s * w t * (b - a t * w t)) /\ is_derive w t (s * a t * (b - a t * w t)).

  Let c := a 0 * a 0 - w 0 * w 0.
  Let om := sqrt (c * c + 4 * (b * b)).

  Lemma om_square : om * om = c * c + 4 * (b * b).
  Proof. apply sqrt_sqrt. generalize (Rle_0_sqr c) (Rle_0_sqr b). unfold Rsqr. lra. Qed.

  Lemma branch_conservation t : 0 <= t <= T -> c = a t * a t - w t * w t.
  Proof.
    intros Ht. symmetry. apply (ae_constant_on (fun u => a u * a u - w u * w u) N); trivial; [|lra|].
    - apply lip_minus; now apply lip_mult.
    - intros u Hu HNu. destruct (branch u ltac:(lra) HNu) as [A B].
      eapply is_derive_eq; [apply is_derive_minus'; apply is_derive_mult'; eassumption|]. ring.
  Qed.

  (** Solutions of the linear system behind the Riccati equation, [x / y = w / a]. *)
  Let E u := exp (s * om * u).
  Let x u := w 0 * om * (E u + 1) + (2 * b * a 0 - c * w 0) * (E u - 1).
  Let y u := a 0 * om * (E u + 1) + (c * a 0 + 2 * b * w 0) * (E u - 1).

  Lemma lip_lin p q : locally_lipschitz (fun u => p * (E u + 1) + q * (E u - 1)).
  Proof.
    assert (LE : locally_lipschitz E) by apply lip_exp.
    apply (lip_plus (fun u => p * (E u + 1)) (fun u => q * (E u - 1))).
    - apply (lip_mult (fun _ => p) (fun u => E u + 1)); [apply lip_const|].
      apply (lip_plus E (fun _ => 1)); trivial. apply lip_const.
    - apply (lip_mult (fun _ => q) (fun u => E u - 1)); [apply lip_const|].
      apply (lip_minus E (fun _ => 1)); trivial. apply lip_const.
  Qed.

  Lemma derive_lin p q u : is_derive (fun u => p * (E u + 1) + q * (E u - 1)) u ((p + q) * (s * om * E u)).
  Proof. unfold E. auto_derive; trivial. ring. Qed.

  Lemma derive_x u : is_derive x u (s * om / 2 * x u + s * (- (c / 2) * x u + b * y u)).
  Proof.
    eapply is_derive_eq; [apply derive_lin|]. unfold x, y. generalize om_square. intros Hom.
    apply Rminus_diag_uniq. transitivity (s * (E u - 1) * w 0 / 2 * (om * om - (c * c + 4 * (b * b)))); [field|].
    rewrite Hom. ring.
  Qed.

  Lemma derive_y u : is_derive y u (s * om / 2 * y u + s * (b * x u + c / 2 * y u)).
  Proof.
    eapply is_derive_eq; [apply derive_lin|]. unfold x, y. generalize om_square. intros Hom.
    apply Rminus_diag_uniq. transitivity (s * (E u - 1) * a 0 / 2 * (om * om - (c * c + 4 * (b * b)))); [field|].
    rewrite Hom. ring.
  Qed.

  Lemma cross_product : w T * y T = a T * x T.
  Proof.
    cut (w T * y T - a T * x T = 0); [lra|].
    destruct (lip_bounded a La T HT) as [Ma [HMa HBa]]. destruct (lip_bounded w Lw T HT) as [Mw [HMw HBw]].
    assert (Lx : locally_lipschitz x) by apply lip_lin. assert (Ly : locally_lipschitz y) by apply lip_lin.
    apply (ae_zero_stays (fun u => w u * y u - a u * x u) N
             (Rabs (s * om / 2) + Rabs (s / 2) * (Ma * Ma + Mw * Mw)) T); trivial.
    - apply lip_minus; now apply lip_mult.
    - unfold x, y, E. rewrite Rmult_0_r, exp_0. ring.
    - intros u Hu HNu. exists (s * om / 2 - s / 2 * (a u * a u + w u * w u)). split.
      + apply Rabs_le_between. unfold Rminus. eapply Rle_trans; [apply Rabs_triang|].
        rewrite Rabs_Ropp, (Rabs_mult (s / 2)). apply Rplus_le_compat_l. apply Rmult_le_compat_l; [apply Rabs_pos|].
        specialize (HBa u ltac:(lra)). specialize (HBw u ltac:(lra)).
        assert (Hsq : forall z M, Rabs z <= M -> 0 <= z * z <= M * M).
        { intros z M Hz. split; [apply Rle_0_sqr|]. rewrite <- (Rabs_pos_eq (z * z)) by apply Rle_0_sqr.
          rewrite Rabs_mult. generalize (Rabs_pos z). intros. now apply Rmult_le_compat. }
        generalize (Hsq _ _ HBa) (Hsq _ _ HBw). intros. rewrite Rabs_pos_eq; lra.
      + destruct (branch u Hu HNu) as [A B]. assert (Hc := branch_conservation u ltac:(lra)).
        eapply is_derive_eq.
        * apply is_derive_minus'; apply is_derive_mult'; [exact B|apply derive_y|exact A|apply derive_x].
        * rewrite Hc. field.
  Qed.

  (** T2c, without division: both sides are finite even where [a] vanishes. *)
  Theorem mobius : let k := tanh (s * om * T / 2) in
    w T * (a 0 * om + (c * a 0 + 2 * b * w 0) * k) = a T * (w 0 * om + (2 * b * a 0 - c * w 0) * k).
  Proof.
    intros k. generalize cross_product. unfold x, y. intros G.
    assert (HE : 0 < E T) by apply exp_pos.
    assert (Hk : k = (E T - 1) / (E T + 1)).
    { unfold k. rewrite tanh_exp. unfold E. now replace (2 * (s * om * T / 2)) with (s * om * T) by field. }
    rewrite Hk. apply (Rmult_eq_reg_r (E T + 1)); [|lra]. field_simplify; [|lra|lra]. nra.
  Qed.

  (** T2 for [c = 0] ([a0 = sg w0], [sg = 1] or [-1]): the logistic, with the sign of [p0] in the exponent. *)
  Section Logistic.
    Variable sg : R.
    Hypothesis Hsg : sg = 1 \/ sg = -1.
    Hypothesis Hbal : a 0 = sg * w 0.

    Let e u := b - a u * w u.

    Lemma error_bounded : exists K, 0 <= K /\ forall u, 0 <= u <= T -> Rabs (e u) <= K.
    Proof.
      destruct (lip_bounded e) with (T := T) as [K [HK HB]]; trivial; [|now exists K].
      apply (lip_minus (fun _ => b)); [apply lip_const|now apply lip_mult].
    Qed.

    Lemma balanced_forever t : 0 <= t <= T -> a t = sg * w t.
    Proof.
      intros Ht. destruct error_bounded as [K [HK HB]]. cut (a t - sg * w t = 0); [lra|].
      apply (ae_zero_stays (fun u => a u - sg * w u) N (Rabs s * K) t); trivial; try lra.
      - apply (lip_minus a (fun u => sg * w u)); trivial. apply lip_mult; trivial. apply lip_const.
      - intros u Hu HNu. exists (- sg * (s * e u)). split.
        + specialize (HB u ltac:(lra)). apply Rabs_le_between. rewrite !Rabs_mult, Rabs_Ropp.
          replace (Rabs sg) with 1.
          2: { destruct Hsg as [->| ->]; [now rewrite Rabs_R1|rewrite Rabs_left; lra]. }
          rewrite Rmult_1_l. apply Rmult_le_compat_l; trivial. apply Rabs_pos.
        + destruct (branch u ltac:(lra) HNu) as [A B]. fold (e u) in A, B.
          eapply is_derive_eq; [apply is_derive_minus'; [exact A|apply (is_derive_scal w u sg); exact B]|].
          destruct Hsg as [->| ->]; ring.
    Qed.

    Theorem logistic : b <> 0 -> w 0 <> 0 -> let p0 := a 0 * w 0 in
      a T * w T = b / (1 + (b / p0 - 1) * exp (- (2 * s * b * sg * T))).
    Proof.
      intros Hb Hw p0. set (F u := exp (2 * s * b * sg * u)).
      assert (Hp0 : p0 <> 0).
      { unfold p0. rewrite Hbal. repeat apply Rmult_integral_contrapositive_currified; trivial.
        destruct Hsg as [->| ->]; lra. }
      destruct error_bounded as [K [HK HB]].
      assert (G : e T * F T * p0 - (b - p0) * (a T * w T) = 0).
      { apply (ae_zero_stays (fun u => e u * F u * p0 - (b - p0) * (a u * w u)) N (2 * Rabs s * K) T); trivial.
        - apply (lip_minus (fun u => e u * F u * p0)).
          + apply (lip_mult (fun u => e u * F u) (fun _ => p0)); [|apply lip_const].
            apply lip_mult; [|apply lip_exp].
            apply (lip_minus (fun _ => b)); [apply lip_const|now apply lip_mult].
          + apply (lip_mult (fun _ => b - p0)); [apply lip_const|now apply lip_mult].
        - unfold e, F. rewrite Rmult_0_r, exp_0. unfold p0. ring.
        - intros u Hu HNu. exists (2 * s * sg * e u). split.
          + specialize (HB u ltac:(lra)). apply Rabs_le_between. rewrite !Rabs_mult, (Rabs_pos_eq 2) by lra.
            replace (Rabs sg) with 1.
            2: { destruct Hsg as [->| ->]; [now rewrite Rabs_R1|rewrite Rabs_left; lra]. }
            rewrite Rmult_1_r. apply Rmult_le_compat_l; trivial. generalize (Rabs_pos s). lra.
          + destruct (branch u Hu HNu) as [A B]. fold (e u) in A, B.
            assert (Ea := balanced_forever u ltac:(lra)).
            assert (P : is_derive (fun v => a v * w v) u (2 * s * sg * (a u * w u) * e u)).
            { eapply is_derive_eq; [apply is_derive_mult'; eassumption|]. rewrite Ea.
              destruct Hsg as [->| ->]; ring. }
            assert (Q : is_derive F u (2 * s * b * sg * F u)).
            { unfold F. auto_derive; trivial. ring. }
            assert (De : is_derive e u (0 - 2 * s * sg * (a u * w u) * e u)).
            { unfold e at 1. apply is_derive_minus'; trivial. apply @is_derive_const. }
            eapply is_derive_eq.
            * apply is_derive_minus'.
              -- apply (is_derive_mult' (fun v => e v * F v) (fun _ => p0)); [|apply @is_derive_const].
                 apply is_derive_mult'; [exact De|exact Q].
              -- apply (is_derive_mult' (fun _ => b - p0)); [apply @is_derive_const|exact P].
            * unfold zero; simpl. unfold e. ring. }
      unfold e in G.
      assert (HF : 0 < F T) by apply exp_pos.
      assert (Ep : a T * w T * (p0 * F T + (b - p0)) = b * p0 * F T) by lra.
      assert (HD : p0 * F T + (b - p0) <> 0).
      { intros H0. rewrite H0, Rmult_0_r in Ep. symmetry in Ep. revert Ep.
        apply Rmult_integral_contrapositive_currified; [|lra].
        now apply Rmult_integral_contrapositive_currified. }
      rewrite exp_Ropp. fold (F T).
      apply (Rmult_eq_reg_r (p0 * F T + (b - p0))); trivial. rewrite Ep. field. repeat split; trivial; lra.
    Qed.
  End Logistic.
End Branch.

(** T2b.  From [w0 < 0 < a0 + w0] with [bm > 0] (so [a0 > 0] and [c > 0]), [w] first vanishes exactly at the time
    [T = 2 / (sm om) artanh (om |w0| / (2 bm a0 + c |w0|))], [om = sqrt (c^2 + 4 bm^2)]. *)
Theorem crossing_time (sp bp sm bm : R) (a w : R -> R) :
  0 <= sp -> 0 < sm -> 0 < bm -> one_input_flow sp bp sm bm a w -> w 0 < 0 -> 0 < a 0 + w 0 ->
  let c := a 0 * a 0 - w 0 * w 0 in
  let om := sqrt (c * c + 4 * (bm * bm)) in
  let T := 2 / (sm * om) * artanh (om * - w 0 / (2 * bm * a 0 + c * - w 0)) in
  0 < T /\ w T = 0 /\ forall t, 0 <= t < T -> w t < 0.
Proof.
  intros Hsp Hsm Hbm Hf Hw Hm c om T.
  destruct (reaches_zero sp bp sm bm a w Hsp (Rlt_le _ _ Hsm) Hf 0) as [tau [Ht [Hz Hneg]]]; trivial; [lra|].
  assert (Ha : 0 < a tau).
  { generalize (sum_stays_positive sp bp sm bm a w Hsp (Rlt_le _ _ Hsm) Hf 0 tau). lra. }
  assert (Hc : 0 < c). { unfold c. replace (_ - _) with ((a 0 + w 0) * (a 0 - w 0)) by ring. nra. }
  assert (Hom : 0 < om) by (apply sqrt_lt_R0; nra).
  assert (Hden : 0 < 2 * bm * a 0 + c * - w 0) by nra.
  destruct Hf as [La [Lw [N [HN H]]]].
  assert (Hmob := mobius sm bm tau a w N ltac:(lra) La Lw HN). fold c in Hmob. fold om in Hmob.
  assert (Hbr : forall t, 0 < t < tau -> ~ N t ->
    is_derive a t (sm * w t * (bm - a t * w t)) /\ is_derive w t (sm * a t * (bm - a t * w t))).
  { intros t Htt HNt. apply (H t ltac:(lra) HNt). apply Hneg. lra. }
  specialize (Hmob Hbr). cbv zeta in Hmob. rewrite Hz, Rmult_0_l in Hmob. symmetry in Hmob.
  apply Rmult_integral in Hmob. destruct Hmob as [Hmob|Hmob]; [lra|].
  assert (Hk : om * - w 0 / (2 * bm * a 0 + c * - w 0) = tanh (sm * om * tau / 2)).
  { apply (Rmult_eq_reg_r (2 * bm * a 0 + c * - w 0)); [|lra]. field_simplify; [|lra]. lra. }
  assert (ET : T = tau). { unfold T. rewrite Hk, artanh_tanh. field. lra. }
  rewrite ET. split; [lra|]. split; trivial.
Qed.
