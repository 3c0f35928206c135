(** * Flow: elementary tools for differential equations and inequalities on [[0, oo)].

    A (smooth) trajectory is a function [f : R -> R] with
    [forall t, 0 <= t -> is_derive f t (f' t)].  Nothing is asked of [f] at negative times, so the
    two-sided derivative at [t = 0] is no loss of generality: a function with a right derivative at 0
    can always be continued by its tangent. *)
From Coq Require Import Reals Lra Lia.
From Coquelicot Require Import Coquelicot.
Open Scope R_scope.

(** ** Monotonicity from the sign of the derivative *)

Lemma mean_value (f f' : R -> R) (a b : R) : a < b ->
  (forall t, a <= t <= b -> is_derive f t (f' t)) ->
  exists t, a < t < b /\ f b - f a = f' t * (b - a).
Proof.
  intros Hab Hd.
  destruct (MVT_cor2 f f' a b Hab) as [t [Ht1 Ht2]].
  - intros c Hc. apply is_derive_Reals. now apply Hd.
  - now exists t.
Qed.

Lemma derive_pos_lt (f f' : R -> R) (a b : R) : a < b ->
  (forall t, a <= t <= b -> is_derive f t (f' t)) ->
  (forall t, a < t < b -> 0 < f' t) -> f a < f b.
Proof.
  intros Hab Hd Hp. destruct (mean_value f f' a b Hab Hd) as [t [Ht E]].
  generalize (Hp t Ht); intros. nra.
Qed.

Lemma derive_nonneg_le (f f' : R -> R) (a b : R) : a <= b ->
  (forall t, a <= t <= b -> is_derive f t (f' t)) ->
  (forall t, a < t < b -> 0 <= f' t) -> f a <= f b.
Proof.
  intros [Hab|<-] Hd Hp; [|lra].
  destruct (mean_value f f' a b Hab Hd) as [t [Ht E]].
  generalize (Hp t Ht); intros. nra.
Qed.

Lemma derive_neg_lt (f f' : R -> R) (a b : R) : a < b ->
  (forall t, a <= t <= b -> is_derive f t (f' t)) ->
  (forall t, a < t < b -> f' t < 0) -> f b < f a.
Proof.
  intros Hab Hd Hp. destruct (mean_value f f' a b Hab Hd) as [t [Ht E]].
  generalize (Hp t Ht); intros. nra.
Qed.

Lemma derive_nonpos_le (f f' : R -> R) (a b : R) : a <= b ->
  (forall t, a <= t <= b -> is_derive f t (f' t)) ->
  (forall t, a < t < b -> f' t <= 0) -> f b <= f a.
Proof.
  intros [Hab|<-] Hd Hp; [|lra].
  destruct (mean_value f f' a b Hab Hd) as [t [Ht E]].
  generalize (Hp t Ht); intros. nra.
Qed.

Lemma derive_zero_const (f f' : R -> R) (a b : R) : a <= b ->
  (forall t, a <= t <= b -> is_derive f t (f' t)) ->
  (forall t, a < t < b -> f' t = 0) -> f b = f a.
Proof.
  intros Hab Hd Hz. apply Rle_antisym.
  - apply (derive_nonpos_le f f'); trivial. intros; rewrite Hz; lra.
  - apply (derive_nonneg_le f f'); trivial. intros; rewrite Hz; lra.
Qed.

(** ** First exit

    [cont0 f]: [f] is continuous on [[0, oo)] (one-sided at 0). *)
Definition cont0 (f : R -> R) : Prop :=
  forall t eps, 0 <= t -> 0 < eps ->
    exists d, 0 < d /\ forall u, 0 <= u -> Rabs (u - t) < d -> Rabs (f u - f t) < eps.

Lemma derive_cont0 (f f' : R -> R) :
  (forall t, 0 <= t -> is_derive f t (f' t)) -> cont0 f.
Proof.
  intros Hd t eps Ht He.
  assert (C : continuity_pt f t).
  { apply derivable_continuous_pt. exists (f' t). apply is_derive_Reals. now apply Hd. }
  destruct (C eps He) as [d [Hd0 Hd1]]. exists d. split; [exact Hd0|].
  intros u Hu Hut. destruct (Req_dec u t) as [->|Hne].
  - rewrite Rminus_eq_0, Rabs_R0; trivial.
  - apply (Hd1 u). split; [split; [exact I|now apply not_eq_sym]|exact Hut].
Qed.

(** A continuous function that is positive at [s] and non-positive at [T] has a first zero. *)
Lemma first_zero (f : R -> R) (s T : R) : cont0 f -> 0 <= s <= T -> 0 < f s -> f T <= 0 ->
  exists tau, s < tau <= T /\ f tau = 0 /\ forall t, s <= t < tau -> 0 < f t.
Proof.
  intros C [Hs HT] Hfs HfT.
  set (E := fun t => s <= t <= T /\ forall u, s <= u <= t -> 0 < f u).
  assert (Es : E s). { split; [lra|]. intros u Hu. now replace u with s by lra. }
  destruct (completeness E) as [tau [Hub Hlub]].
  { exists T. intros t [Ht _]. lra. }
  { now exists s. }
  assert (H1 : s <= tau) by now apply Hub.
  assert (H2 : tau <= T). { apply Hlub. intros t [Ht _]. lra. }
  assert (Hpos : forall t, s <= t < tau -> 0 < f t).
  { intros t Ht. destruct (Rlt_le_dec 0 (f t)) as [|Hle]; trivial. exfalso.
    assert (tau <= t); [|lra]. apply Hlub. intros u [Hu1 Hu2].
    destruct (Rle_dec u t); trivial. generalize (Hu2 t). lra. }
  assert (Hz : f tau = 0).
  { destruct (Rtotal_order (f tau) 0) as [Hn|[He|Hp]]; trivial; exfalso.
    - destruct (C tau (- f tau)) as [d [Hd0 Hd1]]; [lra|lra|].
      assert (Hst : s < tau). { destruct H1 as [|<-]; trivial. lra. }
      set (u := Rmax s (tau - d / 2)).
      assert (Hu : s <= u < tau). { unfold u, Rmax. destruct Rle_dec; lra. }
      assert (Hu' : tau - d / 2 <= u) by apply Rmax_r.
      generalize (Hpos u Hu). specialize (Hd1 u). 
      assert (K : Rabs (u - tau) < d). { apply Rabs_def1; lra. }
      specialize (Hd1 ltac:(lra) K). apply Rabs_def2 in Hd1. lra.
    - destruct (C tau (f tau)) as [d [Hd0 Hd1]]; [lra|lra|].
      assert (HtT : tau < T). { destruct H2 as [|He]; trivial. rewrite He in Hp. lra. }
      set (u := Rmin T (tau + d / 2)).
      assert (Hu : tau < u <= T). { unfold u, Rmin. destruct Rle_dec; lra. }
      assert (Hu' : u <= tau + d / 2) by apply Rmin_r.
      assert (u <= tau); [|lra]. apply Hub. split; [lra|]. intros v Hv.
      destruct (Rlt_le_dec v tau); [apply Hpos; lra|].
      assert (K : Rabs (v - tau) < d). { apply Rabs_def1; lra. }
      specialize (Hd1 v ltac:(lra) K). apply Rabs_def2 in Hd1. lra. }
  exists tau. repeat split; trivial.
  destruct H1 as [|H1]; trivial. rewrite H1 in Hfs. lra.
Qed.

(** ... and one that is non-positive at [s] and positive at [T] has a last zero. *)
Lemma last_zero (f : R -> R) (s T : R) : cont0 f -> 0 <= s <= T -> f s <= 0 -> 0 < f T ->
  exists tau, s <= tau < T /\ f tau = 0 /\ forall t, tau < t <= T -> 0 < f t.
Proof.
  intros C [Hs HT] Hfs HfT.
  assert (Hs' : f s < 0 \/ f s = 0) by lra.
  set (h := fun u => f (Rmax 0 (T + s - u))).
  assert (Ch : cont0 h).
  { intros t eps Ht He. destruct (C (Rmax 0 (T + s - t)) eps (Rmax_l _ _) He) as [d [Hd0 Hd1]].
    exists d. split; trivial. intros u Hu Hut. apply Hd1; [apply Rmax_l|].
    eapply Rle_lt_trans; [|exact Hut]. unfold Rmax. repeat destruct Rle_dec;
    apply Rabs_le; split; unfold Rabs; destruct Rcase_abs; lra. }
  assert (Eh : forall t, s <= t <= T -> h (T + s - t) = f t).
  { intros t Ht. unfold h. f_equal. replace (T + s - (T + s - t)) with t by ring.
    apply Rmax_right. lra. }
  destruct (first_zero h s T Ch) as [tau [Ht1 [Ht2 Ht3]]].
  - lra.
  - replace s with (T + s - T) by ring. rewrite Eh; lra.
  - replace T with (T + s - s) at 1 by ring. rewrite Eh; lra.
  - exists (T + s - tau). split; [lra|]. split.
    + rewrite <- Eh; [|lra]. now replace (T + s - (T + s - tau)) with tau by ring.
    + intros t Ht. rewrite <- Eh; [|lra]. apply Ht3. lra.
Qed.

(** A positive derivative at one point: smaller just before, larger just after. *)
Lemma is_derive_pos_local (f : R -> R) (t l : R) : is_derive f t l -> 0 < l ->
  exists d, 0 < d /\ (forall u, t - d < u < t -> f u < f t) /\ (forall u, t < u < t + d -> f t < f u).
Proof.
  intros Hd Hl. apply is_derive_Reals in Hd. destruct (Hd l Hl) as [d Hd1].
  assert (Q : forall u, u <> t -> Rabs (u - t) < d -> 0 < (f u - f t) / (u - t)).
  { intros u Hu Hut. specialize (Hd1 (u - t)). replace (t + (u - t)) with u in Hd1 by ring.
    assert (u - t <> 0) as Hne by lra. specialize (Hd1 Hne Hut). apply Rabs_def2 in Hd1. lra. }
  exists d. split; [apply cond_pos|]. split; intros u Hu.
  - assert (K : Rabs (u - t) < d) by (apply Rabs_def1; lra).
    specialize (Q u ltac:(lra) K). assert (E : f u - f t = (f u - f t) / (u - t) * (u - t)) by (field; lra).
    nra.
  - assert (K : Rabs (u - t) < d) by (apply Rabs_def1; lra).
    specialize (Q u ltac:(lra) K). assert (E : f u - f t = (f u - f t) / (u - t) * (u - t)) by (field; lra).
    nra.
Qed.

(** Strict Nagumo lemma: [f] starts positive and has positive derivative wherever it would first
    vanish; then it never vanishes. *)
Lemma nagumo (f f' : R -> R) : (forall t, 0 <= t -> is_derive f t (f' t)) -> 0 < f 0 ->
  (forall t, 0 < t -> f t = 0 -> (forall u, 0 <= u < t -> 0 < f u) -> 0 < f' t) ->
  forall t, 0 <= t -> 0 < f t.
Proof.
  intros Hd H0 Hn t Ht. destruct (Rlt_le_dec 0 (f t)) as [|Hle]; trivial. exfalso.
  destruct (first_zero f 0 t (derive_cont0 f f' Hd)) as [tau [Ht1 [Ht2 Ht3]]]; try lra.
  destruct (is_derive_pos_local f tau (f' tau)) as [d [Hd0 [Hd1 _]]].
  - apply Hd; lra.
  - apply Hn; try lra. exact Ht3.
  - set (u := Rmax 0 (tau - d / 2)).
    assert (Hu : 0 <= u < tau). { unfold u, Rmax. destruct Rle_dec; lra. }
    assert (Hu' : tau - d / 2 <= u) by apply Rmax_r.
    generalize (Ht3 u Hu) (Hd1 u ltac:(lra)). lra.
Qed.

(** Variant with [f 0 >= 0], the derivative being positive at 0 too if [f 0 = 0]. *)
Lemma nagumo0 (f f' : R -> R) : (forall t, 0 <= t -> is_derive f t (f' t)) -> 0 <= f 0 ->
  (forall t, 0 <= t -> f t = 0 -> (forall u, 0 <= u < t -> 0 <= f u) -> 0 < f' t) ->
  forall t, 0 < t -> 0 < f t.
Proof.
  intros Hd H0 Hn t Ht. destruct (Rlt_le_dec 0 (f t)) as [|Hle]; trivial. exfalso.
  assert (Hs : exists s, 0 <= s < t /\ 0 < f s /\ forall u, 0 <= u <= s -> 0 <= f u).
  { destruct H0 as [H0|H0].
    - exists 0. repeat split; trivial; try lra. intros u Hu. replace u with 0 by lra. lra.
    - destruct (is_derive_pos_local f 0 (f' 0)) as [d [Hd0 [_ Hd1]]].
      + apply Hd; lra.
      + apply Hn; try lra. intros; lra.
      + set (s := Rmin (d / 2) (t / 2)).
        assert (0 < s) by (apply Rmin_pos; lra).
        assert (s <= d / 2) by apply Rmin_l. assert (s <= t / 2) by apply Rmin_r.
        exists s. split; [lra|]. split. { generalize (Hd1 s). lra. }
        intros u Hu. destruct (Req_dec u 0) as [->|]; [lra|]. generalize (Hd1 u). lra. }
  destruct Hs as [s [Hs1 [Hs2 Hs3]]].
  destruct (first_zero f s t (derive_cont0 f f' Hd)) as [tau [Ht1 [Ht2 Ht3]]]; try lra.
  destruct (is_derive_pos_local f tau (f' tau)) as [d [Hd0 [Hd1 _]]].
  - apply Hd; lra.
  - apply Hn; try lra. intros u Hu. destruct (Rle_dec u s); [apply Hs3; lra|].
    left; apply Ht3; lra.
  - set (u := Rmax s (tau - d / 2)).
    assert (Hu : s <= u < tau). { unfold u, Rmax. destruct Rle_dec; lra. }
    assert (Hu' : tau - d / 2 <= u) by apply Rmax_r.
    generalize (Ht3 u Hu) (Hd1 u ltac:(lra)). lra.
Qed.

(** ** Grönwall: [f' = k f] with [k] locally bounded keeps the sign of [f] *)

Definition loc_bounded (k : R -> R) : Prop :=
  forall T, 0 <= T -> exists K, forall t, 0 <= t <= T -> Rabs (k t) <= K.

Lemma cont0_loc_bounded (k : R -> R) : cont0 k -> loc_bounded k.
Proof.
  intros C T HT.
  assert (Cg : forall c, continuity_pt (fun t => Rabs (k (Rmax 0 t))) c).
  { intros c. apply (continuity_pt_comp (fun t => k (Rmax 0 t)) Rabs); [|apply Rcontinuity_abs].
    intros eps He. destruct (C (Rmax 0 c) eps (Rmax_l _ _) He) as [d [Hd0 Hd1]].
    exists d. split; trivial. intros u [_ Hu]. apply Hd1; [apply Rmax_l|].
    eapply Rle_lt_trans; [|exact Hu]. simpl. unfold R_dist, Rmax. repeat destruct Rle_dec;
    apply Rabs_le; split; unfold Rabs; destruct Rcase_abs; lra. }
  destruct (continuity_ab_maj (fun t => Rabs (k (Rmax 0 t))) 0 T HT (fun c _ => Cg c)) as [M [HM _]].
  exists (Rabs (k (Rmax 0 M))). intros t Ht. specialize (HM t Ht). simpl in HM.
  now rewrite (Rmax_right 0 t) in HM by lra.
Qed.

Lemma is_derive_mult_exp (f : R -> R) (k t l : R) : is_derive f t l ->
  is_derive (fun u => f u * exp (k * u)) t ((l + k * f t) * exp (k * t)).
Proof.
  intros D. auto_derive.
  - now exists l.
  - replace (Derive (fun x => f x) t) with l by (symmetry; now apply is_derive_unique). ring.
Qed.

(** While positive, [f] does not fall faster than exponentially: it never vanishes. *)
Lemma gronwall_pos (f f' k : R -> R) : (forall t, 0 <= t -> is_derive f t (f' t)) ->
  loc_bounded k -> (forall t, 0 <= t -> 0 < f t -> k t * f t <= f' t) ->
  0 < f 0 -> forall t, 0 <= t -> 0 < f t.
Proof.
  intros Hd Hb Hk H0 t Ht. destruct (Rlt_le_dec 0 (f t)) as [|Hle]; trivial. exfalso.
  destruct (first_zero f 0 t (derive_cont0 f f' Hd)) as [tau [Ht1 [Ht2 Ht3]]]; try lra.
  destruct (Hb tau ltac:(lra)) as [K HK].
  assert (G : f 0 * exp (K * 0) <= f tau * exp (K * tau)).
  { apply (derive_nonneg_le (fun u => f u * exp (K * u)) (fun u => (f' u + K * f u) * exp (K * u))); [lra| |].
    - intros u Hu. apply is_derive_mult_exp, Hd; lra.
    - intros u Hu. apply Rmult_le_pos; [|left; apply exp_pos].
      assert (P := Ht3 u ltac:(lra)). specialize (Hk u ltac:(lra) P).
      specialize (HK u ltac:(lra)). apply Rabs_le_between in HK. nra. }
  rewrite Ht2, Rmult_0_r, exp_0 in G. lra.
Qed.

(** While positive, [f] does not grow faster than exponentially: from [f 0 <= 0] it never becomes positive. *)
Lemma gronwall_nonpos (f f' k : R -> R) : (forall t, 0 <= t -> is_derive f t (f' t)) ->
  loc_bounded k -> (forall t, 0 <= t -> 0 < f t -> f' t <= k t * f t) ->
  f 0 <= 0 -> forall t, 0 <= t -> f t <= 0.
Proof.
  intros Hd Hb Hk H0 t Ht. destruct (Rle_lt_dec (f t) 0) as [|Hlt]; trivial. exfalso.
  destruct (last_zero f 0 t (derive_cont0 f f' Hd)) as [tau [Ht1 [Ht2 Ht3]]]; try lra.
  destruct (Hb t Ht) as [K HK].
  assert (G : f t * exp (- K * t) <= f tau * exp (- K * tau)).
  { apply (derive_nonpos_le (fun u => f u * exp (- K * u)) (fun u => (f' u - K * f u) * exp (- K * u))); [lra| |].
    - intros u Hu. replace (f' u - K * f u) with (f' u + - K * f u) by ring. apply is_derive_mult_exp, Hd; lra.
    - intros u Hu. assert (P := Ht3 u ltac:(lra)). specialize (Hk u ltac:(lra) P).
      specialize (HK u ltac:(lra)). apply Rabs_le_between in HK.
      generalize (exp_pos (- K * u)); intros. assert (f' u - K * f u <= 0) by nra. nra. }
  rewrite Ht2, Rmult_0_l in G. generalize (exp_pos (- K * t)); intros. nra.
Qed.

Section LinearEquation.
  Variables f k : R -> R.
  Hypothesis Hf : forall t, 0 <= t -> is_derive f t (k t * f t).
  Hypothesis Hk : loc_bounded k.

  Let Hfn : forall t, 0 <= t -> is_derive (fun u => - f u) t (k t * (- f t)).
  Proof.
    intros t Ht. replace (k t * - f t) with (opp (k t * f t)) by (simpl; unfold opp; simpl; ring).
    apply (is_derive_opp f t (k t * f t)). now apply Hf.
  Qed.

  Lemma linear_pos : 0 < f 0 -> forall t, 0 <= t -> 0 < f t.
  Proof. apply (gronwall_pos f (fun t => k t * f t) k); trivial. intros; lra. Qed.

  Lemma linear_nonpos : f 0 <= 0 -> forall t, 0 <= t -> f t <= 0.
  Proof. apply (gronwall_nonpos f (fun t => k t * f t) k); trivial. intros; lra. Qed.

  Lemma linear_neg : f 0 < 0 -> forall t, 0 <= t -> f t < 0.
  Proof.
    intros H t Ht. cut (0 < - f t); [lra|].
    apply (gronwall_pos (fun t => - f t) (fun t => k t * - f t) k); trivial; intros; lra.
  Qed.

  Lemma linear_nonneg : 0 <= f 0 -> forall t, 0 <= t -> 0 <= f t.
  Proof.
    intros H t Ht. cut (- f t <= 0); [lra|].
    apply (gronwall_nonpos (fun t => - f t) (fun t => k t * - f t) k); trivial; intros; lra.
  Qed.

  Lemma linear_zero : f 0 = 0 -> forall t, 0 <= t -> f t = 0.
  Proof.
    intros H t Ht. apply Rle_antisym; [apply linear_nonpos|apply linear_nonneg]; trivial; lra.
  Qed.
End LinearEquation.

(** ** Comparison and decay *)

(** [f' <= - k f] with constant [k]: [f t <= f 0 exp (- k t)] ([f] of any sign). *)
Lemma exp_decay (f f' : R -> R) (k : R) : (forall t, 0 <= t -> is_derive f t (f' t)) ->
  (forall t, 0 <= t -> f' t <= - k * f t) -> forall t, 0 <= t -> f t <= f 0 * exp (- k * t).
Proof.
  intros Hd Hk t Ht.
  assert (G : f t * exp (k * t) <= f 0 * exp (k * 0)).
  { apply (derive_nonpos_le (fun u => f u * exp (k * u)) (fun u => (f' u + k * f u) * exp (k * u))); [lra| |].
    - intros u Hu. apply is_derive_mult_exp, Hd; lra.
    - intros u Hu. specialize (Hk u ltac:(lra)).
      generalize (exp_pos (k * u)); intros. assert (f' u + k * f u <= 0) by lra. nra. }
  rewrite Rmult_0_r, exp_0, Rmult_1_r in G.
  replace (f t) with (f t * exp (k * t) * exp (- k * t)).
  - apply Rmult_le_compat_r; trivial. left; apply exp_pos.
  - rewrite Rmult_assoc, <- exp_plus. replace (k * t + - k * t) with 0 by ring. rewrite exp_0; ring.
Qed.

(** A non-negative [f] that decreases at a rate bounded away from 0 wherever [f >= eps] tends to 0. *)
Lemma decay_to_zero (f f' : R -> R) : (forall t, 0 <= t -> is_derive f t (f' t)) ->
  (forall t, 0 <= t -> 0 <= f t) -> (forall t, 0 <= t -> f' t <= 0) ->
  (forall eps, 0 < eps -> exists d, 0 < d /\ forall t, 0 <= t -> eps <= f t -> f' t <= - d) ->
  is_lim f p_infty 0.
Proof.
  intros Hd Hpos Hdec Hrate. apply is_lim_spec. intros [eps He]. simpl.
  destruct (Hrate eps He) as [d [Hd0 Hd1]].
  assert (H0 : 0 <= f 0) by (apply Hpos; lra).
  exists (f 0 / d). intros x Hx.
  assert (0 <= f 0 / d) by (apply Rdiv_le_0_compat; lra).
  rewrite Rminus_0_r, Rabs_pos_eq by (apply Hpos; lra).
  destruct (Rlt_le_dec (f x) eps) as [|Hle]; trivial. exfalso.
  assert (Hge : forall u, 0 <= u <= x -> eps <= f u).
  { intros u Hu. apply Rle_trans with (1 := Hle). apply (derive_nonpos_le f f'); try lra; intros.
    - apply Hd; lra.
    - apply Hdec; lra. }
  assert (G : f x + d * x <= f 0 + d * 0).
  { apply (derive_nonpos_le (fun u => f u + d * u) (fun u => f' u + d)); try lra; intros u Hu.
    - assert (D := Hd u ltac:(lra)). auto_derive.
      + now exists (f' u).
      + replace (Derive (fun x => f x) u) with (f' u) by (symmetry; now apply is_derive_unique). ring.
    - specialize (Hd1 u ltac:(lra) (Hge u ltac:(lra))). lra. }
  assert (f 0 < d * x). { apply (Rmult_lt_compat_l d) in Hx; trivial. field_simplify in Hx; lra. }
  lra.
Qed.

Lemma exp_decay_to_zero (f f' : R -> R) (k : R) : 0 < k -> (forall t, 0 <= t -> is_derive f t (f' t)) ->
  (forall t, 0 <= t -> 0 <= f t) -> (forall t, 0 <= t -> f' t <= - k * f t) ->
  is_lim f p_infty 0.
Proof.
  intros Hk Hd Hpos Hdec. apply (decay_to_zero f f'); trivial.
  - intros t Ht. specialize (Hpos t Ht). specialize (Hdec t Ht). nra.
  - intros eps He. exists (k * eps). split; [now apply Rmult_lt_0_compat|].
    intros t Ht Hle. specialize (Hdec t Ht). nra.
Qed.
