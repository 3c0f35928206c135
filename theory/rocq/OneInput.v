(** * OneInput: when the neuron with one input learns (claims T2a, T2b)

    Theorems about *every* Filippov solution of the flow of [OneInputFlow]:
    - [learns_iff] (T2b): with label noise, [w0 <> 0]: learns iff [a0 + w0 > 0] and ([w0 > 0] or [bm > 0]);
    - [noise_free_learns_iff] (T2a): noise-free, [w0 <> 0]: learns iff [w0 > 0] and [a0 > - w0];
    - [balanced_learns_iff] (the published quadrant): [|a0| = |w0| > 0]: learns iff [a0 > 0] and [w0 > 0];
    - [noise_free_sign_frozen]: noise-free, a negative [w] stays negative for ever;
    - [crosses_iff]: from [a0 > 0 > w0] with [bm > 0], [w] reaches 0 iff [a0^2 - w0^2 > 0].

    At [w0 = 0], [a0 > 0] the noise-free inclusion has several solutions (rest, or leave to the right at any
    time), hence the hypothesis [w0 <> 0]; from [w0 = 0], [a0 <= 0] it never learns ([never_learns_below]). *)
From Coq Require Import Reals Lra Classical.
From Coquelicot Require Import Coquelicot.
From Signescape Require Import Flow AlmostEverywhere Filippov Necessity OneInputFlow.
Open Scope R_scope.

Section OneInput.
  Variables (sp bp sm bm : R) (a w : R -> R).
  Hypothesis Hsp : 0 <= sp.
  Hypothesis Hsm : 0 <= sm.
  Hypothesis flow : one_input_flow sp bp sm bm a w.

  Let La : locally_lipschitz a. Proof. apply flow. Qed.
  Let Lw : locally_lipschitz w. Proof. apply flow. Qed.
  Let flow_factor := flow_factor sp bp sm bm a w flow.
  Let one_input_conservation := one_input_conservation sp bp sm bm a w flow.
  Let sum_stays_positive := sum_stays_positive sp bp sm bm a w Hsp Hsm flow.
  Let sum_stays_nonpositive := sum_stays_nonpositive sp bp sm bm a w Hsp Hsm flow.
  Let near_zero := near_zero sp bp sm bm a w flow.
  Let basin_learns := basin_learns sp bp sm bm a w Hsp Hsm flow.

  (** ** Outside *)

  (** From [a + w <= 0] the target is never learned: [a + w] stays [<= 0]. *)
  Theorem never_learns_below s beta : 0 <= s -> a s + w s <= 0 -> ~ learns a w beta.
  Proof.
    intros Hs Hm [Hb [al [wl [Ha [Hw [Hwl E]]]]]].
    assert (G : Rbar_le (al + wl) 0).
    { apply (is_lim_le_loc (fun t => a t + w t) (fun _ => 0) p_infty).
      - exists s. intros t Ht. apply (sum_stays_nonpositive s); lra.
      - now apply is_lim_plus'.
      - apply is_lim_const. }
    simpl in G. nra.
  Qed.

  Lemma never_learns_left s beta : (forall t, s <= t -> w t < 0) -> ~ learns a w beta.
  Proof.
    intros Hneg [Hb [al [wl [Ha [Hw [Hwl E]]]]]].
    assert (G : Rbar_le wl 0).
    { apply (is_lim_le_loc w (fun _ => 0) p_infty); trivial; [|apply is_lim_const].
      exists s. intros t Ht. left. apply Hneg. lra. }
    simpl in G. lra.
  Qed.

  (** A negative [w] stays negative as long as the branch does not pull it up: [sm a bm <= 0] while [w < 0]. *)
  Lemma stays_left s : 0 <= s -> w s < 0 -> (forall t, s <= t -> w t < 0 -> sm * bm * a t <= 0) ->
    forall t, s <= t -> w t < 0.
  Proof.
    intros Hs Hw Hpull t Ht. destruct flow_factor as [N [HN H]].
    destruct (lip_bounded a La t ltac:(lra)) as [M [HM HB]].
    cut (0 < - w t); [lra|].
    apply (ae_pos_stays (fun u => - w u) N (lip_opp _ Lw) HN (sm * (M * M)) s t); try lra.
    intros u Hu HNu Hp. destruct (H u ltac:(lra) HNu) as [lam [_ [_ [Hl [_ B]]]]].
    rewrite (Hl ltac:(lra)) in B. unfold factor in B.
    eexists. split; [apply is_derive_opp'; exact B|].
    specialize (Hpull u ltac:(lra) ltac:(lra)). specialize (HB u ltac:(lra)). apply Rabs_le_between in HB.
    assert (a u * a u <= M * M) by nra.
    assert (sm * (a u * a u) * - w u <= sm * (M * M) * - w u).
    { apply Rmult_le_compat_r; [lra|]. now apply Rmult_le_compat_l. }
    lra.
  Qed.

  (** T2a, second half: noise-free, the sign of a negative [w] never changes, whatever [a]. *)
  Theorem noise_free_left s : bm = 0 -> 0 <= s -> w s < 0 -> forall t, s <= t -> w t < 0.
  Proof.
    intros Hbm Hs Hw. apply stays_left; trivial. intros. rewrite Hbm. lra.
  Qed.

  (** ** Crossing from [w < 0], [a > 0] under label noise with [bm > 0] *)

  (** While [w < 0 < a + w], [w] grows at least at the speed [sm sqrt(c) bm], [c = a^2 - w^2 > 0]; so it
      reaches 0 by the time [|w s| / (sm sqrt(c) bm)]. *)
  Theorem reaches_zero s : 0 < sm -> 0 < bm -> 0 <= s -> w s < 0 -> 0 < a s + w s ->
    exists tau, s < tau <= s + - w s / (sm * sqrt (a s * a s - w s * w s) * bm) /\ w tau = 0 /\
      forall t, s <= t < tau -> w t < 0.
  Proof.
    intros Hsm' Hbm Hs Hw Hm.
    set (c := a s * a s - w s * w s).
    assert (Hc : 0 < c). { unfold c. replace (_ - _) with ((a s + w s) * (a s - w s)) by ring. nra. }
    assert (Hrc := sqrt_lt_R0 c Hc). assert (Hrc2 := sqrt_sqrt c (Rlt_le _ _ Hc)).
    set (delta := sm * sqrt c * bm).
    assert (Hd : 0 < delta) by (unfold delta; repeat apply Rmult_lt_0_compat; trivial).
    set (T := s + - w s / delta).
    assert (HT : s < T). { unfold T. assert (0 < - w s / delta) by (apply Rdiv_lt_0_compat; lra). lra. }
    assert (Hex : exists t, s <= t <= T /\ 0 <= w t).
    { apply NNPP. intros Hno.
      assert (Hneg : forall t, s <= t <= T -> w t < 0).
      { intros t Ht. destruct (Rlt_le_dec (w t) 0); trivial. exfalso. apply Hno. now exists t. }
      destruct flow_factor as [N [HN H]].
      assert (G : w s + delta * (T - s) <= w T).
      { apply (ae_growth w N); trivial; [lra|]. intros u Hu HNu.
        destruct (H u ltac:(lra) HNu) as [lam [_ [_ [Hl [_ B]]]]].
        assert (Hwu := Hneg u ltac:(lra)). rewrite (Hl Hwu) in B. unfold factor in B.
        eexists. split; [|exact B].
        assert (Hau : 0 < a u). { generalize (sum_stays_positive s u). lra. }
        assert (Ec : a u * a u - w u * w u = c) by (apply one_input_conservation; lra).
        assert (Hsq : sqrt c <= a u). { generalize (Rle_0_sqr (w u)). unfold Rsqr. intros. nra. }
        assert (bm <= bm - a u * w u) by nra.
        assert (sqrt c * bm <= a u * (bm - a u * w u)) by (apply Rmult_le_compat; lra).
        assert (sm * (sqrt c * bm) <= sm * (a u * (bm - a u * w u))) by (apply Rmult_le_compat_l; lra).
        unfold delta. lra. }
      assert (E : delta * (T - s) = - w s) by (unfold T; field; lra).
      generalize (Hneg T). lra. }
    destruct Hex as [t [Ht Hwt]].
    destruct (first_zero (fun u => - w u) s t (lip_cont0 _ (lip_opp _ Lw))) as [tau [Ht1 [Ht2 Ht3]]]; try lra.
    exists tau. split; [lra|]. split; [lra|]. intros u Hu. specialize (Ht3 u Hu). lra.
  Qed.

  (** From [w = 0], [a > 0] with both one-sided speeds positive, [w] is positive at some later time (and then learns). *)
  Lemma leaves_zero tau : 0 < sp -> 0 < bp -> 0 < sm -> 0 < bm -> 0 <= tau -> w tau = 0 -> 0 < a tau ->
    exists t, tau < t /\ 0 < w t.
  Proof.
    intros Hsp' Hbp Hsm' Hbm Ht Hz Ha.
    assert (He : 0 < Rmin bp bm / 2) by (assert (0 < Rmin bp bm) by (now apply Rmin_pos); lra).
    destruct (near_zero tau (Rmin bp bm / 2) Ht Hz Ha He) as [d [Hd H]].
    set (sig := Rmin sp sm). set (b := Rmin bp bm / 2) in *.
    assert (Hsig : 0 < sig) by (now apply Rmin_pos).
    destruct flow_factor as [N [HN Hf]].
    assert (G : w tau + (a tau / 2 * (sig * b)) * (tau + d / 2 - tau) <= w (tau + d / 2)).
    { apply (ae_growth w N); trivial; [lra|]. intros u Hu HNu.
      destruct (Hf u ltac:(lra) HNu) as [lam [Hl [_ [_ [_ B]]]]]. eexists. split; [|exact B].
      assert (K : Rabs (u - tau) < d) by (apply Rabs_def1; lra).
      destruct (H u ltac:(lra) K) as [H1 [H2 H3]].
      assert (Hb1 : b <= bp - a u * w u) by (generalize (Rmin_l bp bm); unfold b in *; lra).
      assert (Hb2 : b <= bm - a u * w u) by (generalize (Rmin_r bp bm); unfold b in *; lra).
      assert (G1 : sig * b <= sp * (bp - a u * w u)) by (apply Rmult_le_compat; try lra; apply Rmin_l).
      assert (G2 : sig * b <= sm * (bm - a u * w u)) by (apply Rmult_le_compat; try lra; apply Rmin_r).
      assert (0 < sig * b) by (now apply Rmult_lt_0_compat).
      assert (G3 : sig * b <= factor sp bp sm bm lam (a u * w u)).
      { unfold factor. set (x := sp * _) in *. set (y := sm * _) in *. clearbody x y. nra. }
      apply Rmult_le_compat; lra. }
    exists (tau + d / 2). split; [lra|].
    assert (Hsb : 0 < sig * b) by now apply Rmult_lt_0_compat.
    assert (0 < a tau / 2 * (sig * b)) by (apply Rmult_lt_0_compat; lra).
    assert (0 < a tau / 2 * (sig * b) * (tau + d / 2 - tau)) by (apply Rmult_lt_0_compat; lra).
    lra.
  Qed.

  (** ** T2b.  With [bp > 0] and [w0 <> 0]: learns iff [a0 + w0 > 0] and ([w0 > 0] or [bm > 0]).
      ([sm = 0], no sample with [x < 0], is allowed: then nothing moves for [w < 0] and there is no crossing.) *)
  Theorem learns_iff_gen : 0 < sp -> 0 < bp -> w 0 <> 0 ->
    (learns a w bp <-> 0 < a 0 + w 0 /\ (0 < w 0 \/ 0 < sm /\ 0 < bm)).
  Proof.
    intros Hsp' Hbp Hw0. split.
    - intros L. assert (Hm : 0 < a 0 + w 0).
      { destruct (Rlt_le_dec 0 (a 0 + w 0)); trivial. exfalso. revert L. apply (never_learns_below 0); lra. }
      split; trivial. destruct (Rlt_le_dec 0 (w 0)) as [|Hw]; [now left|]. right.
      assert (Hcase : sm * bm <= 0 -> False).
      { intros Hsb. revert L. apply (never_learns_left 0). apply stays_left; try lra.
        intros t Ht Hwt. assert (0 < a t). { generalize (sum_stays_positive 0 t). lra. }
        rewrite <- (Rmult_0_l (a t)). apply Rmult_le_compat_r; lra. }
      destruct (Rle_lt_dec sm 0) as [H|H]; [exfalso; apply Hcase; assert (E : sm = 0) by lra; rewrite E; lra|].
      split; trivial. destruct (Rle_lt_dec bm 0) as [H'|H']; trivial. exfalso. apply Hcase. nra.
    - intros [Hm [Hw|[Hsm' Hbm]]]; [apply (basin_learns 0); trivial; lra|].
      destruct (Rlt_le_dec 0 (w 0)) as [Hw|Hw]; [apply (basin_learns 0); trivial; lra|].
      destruct (reaches_zero 0) as [tau [Ht [Hz _]]]; trivial; try lra.
      assert (Ha : 0 < a tau). { generalize (sum_stays_positive 0 tau). lra. }
      destruct (leaves_zero tau) as [t [Htt Hwt]]; trivial; try lra.
      apply (basin_learns t); trivial; try lra. apply (sum_stays_positive 0); lra.
  Qed.
End OneInput.

(** ** The theorems *)

(** T2b.  Label noise, [bp > 0], [w0 <> 0]: learns iff [a0 + w0 > 0] and ([w0 > 0], or [w0 < 0] and [bm > 0]). *)
Theorem learns_iff (sp bp sm bm : R) (a w : R -> R) :
  0 < sp -> 0 < sm -> 0 < bp -> one_input_flow sp bp sm bm a w -> w 0 <> 0 ->
  (learns a w bp <-> 0 < a 0 + w 0 /\ (0 < w 0 \/ w 0 < 0 /\ 0 < bm)).
Proof.
  intros Hsp Hsm Hbp Hf Hw. rewrite (learns_iff_gen sp bp sm bm a w) by (trivial; lra).
  split; intros [H1 H2]; split; trivial; destruct (Rtotal_order (w 0) 0) as [H|[H|H]]; tauto.
Qed.

(** T2a.  Noise-free ([bp = 1], [bm = 0]), [w0 <> 0]: learns iff [w0 > 0] and [a0 > - w0]. *)
Theorem noise_free_learns_iff (sp sm : R) (a w : R -> R) :
  0 < sp -> 0 <= sm -> one_input_flow sp 1 sm 0 a w -> w 0 <> 0 ->
  (learns a w 1 <-> 0 < w 0 /\ - w 0 < a 0).
Proof.
  intros Hsp Hsm Hf Hw. rewrite (learns_iff_gen sp 1 sm 0 a w) by (trivial; lra).
  split; intros [H1 H2]; split; lra.
Qed.

(** Noise-free, on the branch [w < 0] the sign never changes, whatever the sign and size of [a]. *)
Theorem noise_free_sign_frozen (sp bp sm : R) (a w : R -> R) :
  0 <= sp -> 0 <= sm -> one_input_flow sp bp sm 0 a w -> w 0 < 0 -> forall t, 0 <= t -> w t < 0.
Proof.
  intros Hsp Hsm Hf Hw. apply (noise_free_left sp bp sm 0 a w); trivial. lra.
Qed.

(** The published quadrant: noise-free and balanced, [|a0| = |w0| <> 0]: learns iff [a0 > 0] and [w0 > 0]. *)
Corollary balanced_learns_iff (sp sm : R) (a w : R -> R) :
  0 < sp -> 0 <= sm -> one_input_flow sp 1 sm 0 a w -> w 0 <> 0 -> Rabs (a 0) = Rabs (w 0) ->
  (learns a w 1 <-> 0 < a 0 /\ 0 < w 0).
Proof.
  intros Hsp Hsm Hf Hw Hb. rewrite (noise_free_learns_iff sp sm a w); trivial.
  revert Hb. unfold Rabs. destruct (Rcase_abs (a 0)), (Rcase_abs (w 0)); intros; lra.
Qed.

(** T2b, the crossing.  From [a0 > 0 > w0] with [bm > 0], [w] reaches 0 in finite time iff [a0^2 - w0^2 > 0]
    (for a bound on the time see [reaches_zero]). *)
Theorem crosses_iff (sp bp sm bm : R) (a w : R -> R) :
  0 <= sp -> 0 < sm -> 0 < bm -> one_input_flow sp bp sm bm a w -> w 0 < 0 < a 0 ->
  ((exists t, 0 <= t /\ w t = 0) <-> 0 < a 0 * a 0 - w 0 * w 0).
Proof.
  intros Hsp Hsm Hbm Hf Hw0.
  assert (E0 : a 0 * a 0 - w 0 * w 0 = (a 0 + w 0) * (a 0 - w 0)) by ring.
  split.
  - intros [T [HT Hz]]. destruct (Rlt_le_dec 0 (a 0 * a 0 - w 0 * w 0)) as [|Hc]; trivial. exfalso.
    assert (Hc' : forall t, 0 <= t -> a t * a t - w t * w t = a 0 * a 0 - w 0 * w 0).
    { intros. apply (one_input_conservation sp bp sm bm a w); trivial; lra. }
    assert (E : a T * a T = a 0 * a 0 - w 0 * w 0).
    { rewrite <- (Hc' T ltac:(lra)), Hz. ring. }
    assert (Hc0 : a 0 * a 0 - w 0 * w 0 = 0) by (generalize (Rle_0_sqr (a T)); unfold Rsqr; lra).
    assert (Lw : locally_lipschitz w) by apply Hf.
    destruct (flow_factor sp bp sm bm a w Hf) as [N [HN H]].
    destruct (factor_bounded sp bp sm bm a w Hsp (Rlt_le _ _ Hsm) Hf T HT) as [K [HK HB]].
    assert (0 < - w T); [|lra].
    apply (ae_pos_stays (fun u => - w u) N (lip_opp _ Lw) HN K 0 T); try lra.
    intros u Hu HNu Hp. destruct (H u ltac:(lra) HNu) as [lam [Hl [_ [_ [_ B]]]]].
    specialize (HB u lam ltac:(lra) Hl). specialize (Hc' u ltac:(lra)).
    set (k := factor _ _ _ _ _ _) in *. clearbody k.
    eexists. split; [apply is_derive_opp'; exact B|].
    assert (Hq : (a u - w u) * (a u + w u) = 0) by lra.
    apply Rmult_integral in Hq. destruct Hq as [Hq|Hq].
    + replace (a u) with (w u) by lra. nra.
    + replace (a u) with (- w u) by lra. nra.
  - intros Hc. assert (Hm : 0 < a 0 + w 0) by nra.
    destruct (reaches_zero sp bp sm bm a w Hsp (Rlt_le _ _ Hsm) Hf 0) as [tau [Ht [Hz _]]]; trivial; try lra.
    exists tau. split; [lra|trivial].
Qed.
