(** * AlmostEverywhere: functions with a derivative outside a negligible set

    On finite data the gradient flow of a ReLU neuron is a differential inclusion: when a sample's
    hyperplane is crossed, the speed of [w] jumps, so a solution has a derivative only almost everywhere.
    A solution is a locally Lipschitz function (any absolutely continuous solution is one, the
    right-hand side being bounded along it) whose derivative exists outside a negligible set.
    This file proves, without measure theory, the one fact needed about such functions:
    a derivative [<= 0] almost everywhere makes them non-increasing. *)
From Coq Require Import Reals Lra Lia Classical.
From Coquelicot Require Import Coquelicot.
Open Scope R_scope.

(** [N] is negligible (a Lebesgue null set): for every [eps] a sequence of open intervals of total length
    at most [eps] covers it. *)
Definition negligible (N : R -> Prop) : Prop :=
  forall eps, 0 < eps -> exists l r : nat -> R,
    (forall k, l k <= r k) /\
    (forall t, N t -> exists k, l k < t < r k) /\
    (forall n, sum_f_R0 (fun k => r k - l k) n <= eps).

(** Lipschitz on every segment [[0, T]]. *)
Definition locally_lipschitz (f : R -> R) : Prop :=
  forall T, 0 <= T -> exists K, 0 <= K /\
    forall s t, 0 <= s <= T -> 0 <= t <= T -> Rabs (f t - f s) <= K * Rabs (t - s).

Section Monotone.
  Variables (f : R -> R) (N : R -> Prop) (a b K : R).
  Hypothesis Hab : a <= b.
  Hypothesis HK : 0 <= K.
  Hypothesis Hlip : forall s t, a <= s <= b -> a <= t <= b -> Rabs (f t - f s) <= K * Rabs (t - s).
  Hypothesis HN : negligible N.
  Hypothesis Hder : forall t, a <= t < b -> ~ N t -> exists l, l <= 0 /\ is_derive f t l.

  Lemma lip_right s t : a <= s <= t -> t <= b -> f t <= f s + K * (t - s).
  Proof.
    intros. generalize (Hlip s t) (Rle_abs (f t - f s)). rewrite (Rabs_pos_eq (t - s)) by lra. intros G1 G2.
    assert (Rabs (f t - f s) <= K * (t - s)) by (apply G1; lra). lra.
  Qed.

  (** One covering of [N] gives the inequality up to the total length of the covering. *)
  Section Cover.
    Variables (eps : R) (l r : nat -> R).
    Hypothesis Heps : 0 < eps.
    Hypothesis Hlr : forall k, l k <= r k.
    Hypothesis Hcov : forall t, N t -> exists k, l k < t < r k.
    Hypothesis Hsum : forall n, sum_f_R0 (fun k => r k - l k) n <= eps.

    (** length of the part of the [k]-th interval before [t] *)
    Let part (t : R) (k : nat) : R := Rmin (Rmax t (l k)) (r k) - l k.
    Let total (n : nat) (t : R) : R := sum_f_R0 (part t) n.

    Lemma part_bounds t k : 0 <= part t k <= r k - l k.
    Proof.
      unfold part. generalize (Hlr k) (Rmin_r (Rmax t (l k)) (r k)) (Rmax_r t (l k)). intros.
      split; [|lra]. assert (l k <= Rmin (Rmax t (l k)) (r k)) by (apply Rmin_glb; lra). lra.
    Qed.

    Lemma part_mono s t k : s <= t -> part s k <= part t k.
    Proof.
      intros. unfold part. assert (Rmin (Rmax s (l k)) (r k) <= Rmin (Rmax t (l k)) (r k)); [|lra].
      apply Rle_min_compat_r. now apply Rle_max_compat_r.
    Qed.

    Lemma part_inside s t k : l k <= s <= t -> t <= r k -> part t k = part s k + (t - s).
    Proof.
      intros. unfold part. rewrite !Rmax_left by lra. rewrite !Rmin_left by lra. ring.
    Qed.

    Lemma total_mono n s t : s <= t -> total n s <= total n t.
    Proof. intros. apply sum_Rle. intros. now apply part_mono. Qed.

    Lemma total_incr n m t : (n <= m)%nat -> total n t <= total m t.
    Proof.
      induction 1; [lra|]. unfold total in *. simpl. generalize (part_bounds t (S m)). lra.
    Qed.

    Lemma total_le n t : total n t <= eps.
    Proof.
      eapply Rle_trans; [|apply (Hsum n)]. apply sum_Rle. intros. apply part_bounds.
    Qed.

    Lemma total_inside n k s t : (k <= n)%nat -> l k <= s <= t -> t <= r k ->
      total n s + (t - s) <= total n t.
    Proof.
      intros Hk Hs Ht. unfold total. induction n.
      - assert (k = 0%nat) by lia. subst. simpl. rewrite (part_inside s t) by lra. lra.
      - simpl. destruct (le_lt_dec k n) as [H|H].
        + specialize (IHn H). generalize (part_mono s t (S n)). lra.
        + assert (k = S n) by lia. subst. rewrite (part_inside s t) by lra.
          assert (sum_f_R0 (part s) n <= sum_f_R0 (part t) n); [|lra].
          apply sum_Rle. intros; apply part_mono; lra.
    Qed.

    Let good (t : R) : Prop :=
      forall delta, 0 < delta -> exists n, f t <= f a + eps * (t - a) + K * total n t + delta.

    Lemma good_a : good a.
    Proof.
      intros delta Hd. exists 0%nat. generalize (part_bounds a 0). unfold total; simpl. nra.
    Qed.

    Lemma good_right t : a <= t < b -> good t ->
      exists d, 0 < d /\ forall s, t <= s <= t + d -> s <= b -> good s.
    Proof.
      intros Ht Hg. destruct (classic (N t)) as [HNt|HNt].
      - destruct (Hcov t HNt) as [k Hk]. exists (r k - t). split; [lra|].
        intros s Hs Hsb delta Hdelta. destruct (Hg delta Hdelta) as [n Hn].
        exists (max n k). generalize (total_incr n (max n k) t (Nat.le_max_l _ _)). intros G1.
        assert (total (max n k) t + (s - t) <= total (max n k) s) as G2.
        { apply (total_inside _ k); try lra. apply Nat.le_max_r. }
        assert (f s <= f t + K * (s - t)) by (apply lip_right; lra).
        assert (K * total n t <= K * (total (max n k) s - (s - t))) by (apply Rmult_le_compat_l; lra).
        nra.
      - destruct (Hder t Ht HNt) as [g [Hg0 Hg1]]. apply is_derive_Reals in Hg1.
        destruct (Hg1 eps Heps) as [[d Hd] H]. simpl in H. exists (d / 2). split; [lra|].
        intros s Hs Hsb delta Hdelta. destruct (Hg delta Hdelta) as [n Hn]. exists n.
        assert (f s <= f t + eps * (s - t)).
        { destruct (Req_dec s t) as [->|Hst]; [lra|].
          assert (0 < s - t) by lra.
          specialize (H (s - t)). replace (t + (s - t)) with s in H by ring.
          assert (Rabs ((f s - f t) / (s - t) - g) < eps) as G.
          { apply H; [lra|]. rewrite Rabs_pos_eq; lra. }
          apply Rabs_def2 in G. destruct G as [G _].
          assert ((f s - f t) / (s - t) <= eps) by lra.
          assert (f s - f t = (f s - f t) / (s - t) * (s - t)) as E by (field; lra).
          assert ((f s - f t) / (s - t) * (s - t) <= eps * (s - t)) by (apply Rmult_le_compat_r; lra).
          lra. }
        generalize (total_mono n t s). intros G. assert (K * total n t <= K * total n s).
        { apply Rmult_le_compat_l; [lra|]. apply G; lra. }
        nra.
    Qed.

    Lemma good_left t : a <= t <= b ->
      (forall e, 0 < e -> exists s, t - e < s <= t /\ a <= s /\ good s) -> good t.
    Proof.
      intros Ht Hs delta Hdelta.
      destruct (Hs (delta / (2 * (K + 1)))) as [s [H1 [H2 H3]]].
      { apply Rdiv_lt_0_compat; lra. }
      destruct (H3 (delta / 2)) as [n Hn]; [lra|]. exists n.
      assert (f t <= f s + K * (t - s)) by (apply lip_right; lra).
      assert (K * (t - s) <= delta / 2).
      { assert ((t - s) * (2 * (K + 1)) <= delta) as G.
        { assert (t - s <= delta / (2 * (K + 1))) by lra.
          apply (Rmult_le_compat_r (2 * (K + 1))) in H0; [|lra].
          replace (delta / (2 * (K + 1)) * (2 * (K + 1))) with delta in H0 by (field; lra). lra. }
        nra. }
      generalize (total_mono n s t). intros G.
      assert (K * total n s <= K * total n t) by (apply Rmult_le_compat_l; [lra|]; apply G; lra).
      nra.
    Qed.

    Lemma good_b : good b.
    Proof.
      set (E := fun t => a <= t <= b /\ good t).
      destruct (completeness E) as [tau [Hub Hlub]].
      { exists b. intros t [Ht _]. lra. }
      { exists a. split; [lra|]. apply good_a. }
      assert (a <= tau) as Ha. { apply Hub. split; [lra|]. apply good_a. }
      assert (tau <= b) as Hb. { apply Hlub. intros t [Ht _]. lra. }
      assert (good tau) as Hg.
      { apply good_left; [lra|]. intros e He.
        apply NNPP. intros Hno. assert (tau <= tau - e); [|lra].
        apply Hlub. intros s [Hs Hgs]. apply Rnot_lt_le. intros Hlt. apply Hno.
        exists s. repeat split; trivial; try lra. apply Hub. now split. }
      destruct (Req_dec tau b) as [<-|Hne]; trivial. exfalso.
      destruct (good_right tau) as [d [Hd Hgd]]; trivial; try lra.
      assert (E (Rmin (tau + d) b)) as HE.
      { assert (tau <= Rmin (tau + d) b) by (apply Rmin_glb; lra).
        generalize (Rmin_l (tau + d) b) (Rmin_r (tau + d) b). intros.
        split; [lra|]. apply Hgd; lra. }
      apply Hub in HE. assert (tau < Rmin (tau + d) b) by (apply Rmin_glb_lt; lra). lra.
    Qed.

    Lemma cover_bound : f b <= f a + eps * (b - a) + K * eps.
    Proof.
      apply Rnot_lt_le. intros H.
      destruct (good_b ((f b - (f a + eps * (b - a) + K * eps)) / 2)) as [n Hn]; [lra|].
      generalize (total_le n b). intros G.
      assert (K * total n b <= K * eps) by (apply Rmult_le_compat_l; lra). lra.
    Qed.
  End Cover.

  Lemma ae_monotone_segment : f b <= f a.
  Proof.
    apply Rnot_lt_le. intros H. set (gap := f b - f a).
    assert (0 < gap) by (unfold gap; lra).
    set (eps := gap / (2 * (b - a + K + 1))).
    assert (0 < 2 * (b - a + K + 1)) by lra.
    assert (0 < eps) as He by (apply Rdiv_lt_0_compat; lra).
    destruct (HN eps He) as [l [r [C1 [C2 C3]]]].
    generalize (cover_bound eps l r He C1 C2 C3). intros G.
    assert (eps * (2 * (b - a + K + 1)) = gap) as E by (unfold eps; field; lra).
    unfold gap in *. nra.
  Qed.
End Monotone.

(** A locally Lipschitz function on [[0, oo)] whose derivative is [<= 0] almost everywhere on [(s, t)]
    does not grow from [s] to [t].  Nothing is asked at the end points. *)
Theorem ae_nonincreasing (f : R -> R) (N : R -> Prop) (s t : R) :
  locally_lipschitz f -> negligible N -> 0 <= s <= t ->
  (forall u, s < u < t -> ~ N u -> exists l, l <= 0 /\ is_derive f u l) ->
  f t <= f s.
Proof.
  intros Hlip HN Hst Hd. destruct (Hlip t) as [K [HK HL]]; [lra|].
  apply le_epsilon. intros eps Heps.
  destruct (Req_dec s t) as [->|Hne]; [lra|].
  set (h := Rmin ((t - s) / 2) (eps / (K + 1))).
  assert (0 < h) by (apply Rmin_glb_lt; [lra|apply Rdiv_lt_0_compat; lra]).
  assert (h <= (t - s) / 2) by apply Rmin_l.
  assert (K * h <= eps).
  { assert (h * (K + 1) <= eps); [|nra].
    replace eps with (eps / (K + 1) * (K + 1)) by (field; lra).
    apply Rmult_le_compat_r; [lra|apply Rmin_r]. }
  assert (f t <= f (s + h)) as G.
  { apply (ae_monotone_segment f N (s + h) t K); trivial; try lra.
    - intros; apply HL; lra.
    - intros u Hu. apply Hd. lra. }
  generalize (HL s (s + h)) (Rle_abs (f (s + h) - f s)). intros G1 G2.
  replace (s + h - s) with h in G1 by ring. rewrite (Rabs_pos_eq h) in G1 by lra.
  assert (Rabs (f (s + h) - f s) <= K * h) by (apply G1; lra). lra.
Qed.

(** ** Locally Lipschitz functions *)

Lemma lip_ext (f g : R -> R) : (forall t, f t = g t) -> locally_lipschitz f -> locally_lipschitz g.
Proof.
  intros E H T HT. destruct (H T HT) as [K [HK HL]]. exists K. split; trivial.
  intros. rewrite <- !E. now apply HL.
Qed.

Lemma lip_const c : locally_lipschitz (fun _ => c).
Proof.
  intros T _. exists 0. split; [lra|]. intros. rewrite Rminus_eq_0, Rabs_R0. lra.
Qed.

Lemma lip_bounded (f : R -> R) : locally_lipschitz f ->
  forall T, 0 <= T -> exists M, 0 <= M /\ forall t, 0 <= t <= T -> Rabs (f t) <= M.
Proof.
  intros H T HT. destruct (H T HT) as [K [HK HL]]. exists (Rabs (f 0) + K * T). split.
  - generalize (Rabs_pos (f 0)). nra.
  - intros t Ht. replace (f t) with (f 0 + (f t - f 0)) by ring.
    eapply Rle_trans; [apply Rabs_triang|]. apply Rplus_le_compat_l.
    eapply Rle_trans; [apply HL; lra|]. rewrite Rabs_pos_eq by lra. nra.
Qed.

Lemma lip_plus (f g : R -> R) : locally_lipschitz f -> locally_lipschitz g ->
  locally_lipschitz (fun t => f t + g t).
Proof.
  intros Hf Hg T HT. destruct (Hf T HT) as [K [HK HL]]. destruct (Hg T HT) as [K' [HK' HL']].
  exists (K + K'). split; [lra|]. intros s t Hs Ht.
  replace (f t + g t - (f s + g s)) with ((f t - f s) + (g t - g s)) by ring.
  eapply Rle_trans; [apply Rabs_triang|]. rewrite Rmult_plus_distr_r. apply Rplus_le_compat; auto.
Qed.

Lemma lip_mult (f g : R -> R) : locally_lipschitz f -> locally_lipschitz g ->
  locally_lipschitz (fun t => f t * g t).
Proof.
  intros Hf Hg T HT. destruct (Hf T HT) as [K [HK HL]]. destruct (Hg T HT) as [K' [HK' HL']].
  destruct (lip_bounded f Hf T HT) as [M [HM HB]]. destruct (lip_bounded g Hg T HT) as [M' [HM' HB']].
  exists (K * M' + M * K'). split; [nra|]. intros s t Hs Ht.
  replace (f t * g t - f s * g s) with ((f t - f s) * g t + f s * (g t - g s)) by ring.
  eapply Rle_trans; [apply Rabs_triang|]. rewrite !Rabs_mult.
  generalize (HL s t Hs Ht) (HL' s t Hs Ht) (HB s Hs) (HB' t Ht) (Rabs_pos (t - s)).
  generalize (Rabs_pos (f t - f s)) (Rabs_pos (g t - g s)) (Rabs_pos (f s)) (Rabs_pos (g t)).
  intros.
  assert (Rabs (f t - f s) * Rabs (g t) <= K * Rabs (t - s) * M') by (apply Rmult_le_compat; trivial).
  assert (Rabs (f s) * Rabs (g t - g s) <= M * (K' * Rabs (t - s))) by (apply Rmult_le_compat; trivial).
  lra.
Qed.

Lemma lip_exp c : locally_lipschitz (fun t => exp (c * t)).
Proof.
  intros T HT. exists (Rabs c * exp (Rabs c * T)). split.
  { apply Rmult_le_pos; [apply Rabs_pos|left; apply exp_pos]. }
  intros s t Hs Ht.
  destruct (MVT_abs (fun u => exp (c * u)) (fun u => c * exp (c * u)) s t) as [u [E Hu]].
  { intros u _. apply is_derive_Reals. auto_derive; trivial. ring. }
  rewrite E. apply Rmult_le_compat_r; [apply Rabs_pos|]. rewrite Rabs_mult.
  apply Rmult_le_compat_l; [apply Rabs_pos|]. rewrite Rabs_pos_eq by (left; apply exp_pos).
  assert (0 <= u <= T).
  { assert (0 <= Rmin s t) by (apply Rmin_glb; lra). assert (Rmax s t <= T) by (apply Rmax_lub; lra). lra. }
  assert (c * u <= Rabs c * T).
  { generalize (Rle_abs c) (Rabs_pos c). intros.
    apply Rle_trans with (Rabs c * u); [apply Rmult_le_compat_r; lra|apply Rmult_le_compat_l; lra]. }
  destruct H0 as [H0|H0]; [left; now apply exp_increasing|right; now rewrite H0].
Qed.

(** The positive part, and its square, which is continuously differentiable. *)
Lemma lip_pos_part (f : R -> R) : locally_lipschitz f -> locally_lipschitz (fun t => Rmax (f t) 0).
Proof.
  intros H T HT. destruct (H T HT) as [K [HK HL]]. exists K. split; trivial.
  intros s t Hs Ht. eapply Rle_trans; [|apply (HL s t Hs Ht)].
  unfold Rmax, Rabs. repeat destruct Rle_dec; repeat destruct Rcase_abs; lra.
Qed.

Lemma is_derive_pos_part_square (x : R) :
  is_derive (fun y => Rmax y 0 * Rmax y 0) x (2 * Rmax x 0).
Proof.
  destruct (Rtotal_order x 0) as [H|[->|H]].
  - rewrite Rmax_right by lra. replace (2 * 0) with 0 by ring.
    apply (is_derive_ext_loc (fun _ => 0)); [|apply @is_derive_const].
    exists (mkposreal (- x) ltac:(lra)). intros y Hy.
    apply Rabs_def2 in Hy. unfold minus, plus, opp in Hy; simpl in Hy.
    change (0 = Rmax y 0 * Rmax y 0). rewrite Rmax_right by lra. ring.
  - rewrite Rmax_right by lra. apply is_derive_Reals. intros eps He.
    exists (mkposreal eps He). simpl. intros h Hh Hlt. rewrite Rplus_0_l, (Rmax_right 0 0) by lra.
    replace ((Rmax h 0 * Rmax h 0 - 0 * 0) / h - 2 * 0) with (Rmax h 0 * (Rmax h 0 / h)) by (field; trivial).
    unfold Rmax. destruct (Rle_dec h 0).
    + rewrite Rmult_0_l, Rabs_R0. trivial.
    + replace (h / h) with 1 by (field; trivial). now rewrite Rmult_1_r.
  - rewrite Rmax_left by lra.
    apply (is_derive_ext_loc (fun y => y * y)); [|auto_derive; trivial; ring].
    exists (mkposreal x H). intros y Hy.
    apply Rabs_def2 in Hy. unfold minus, plus, opp in Hy; simpl in Hy.
    change (y * y = Rmax y 0 * Rmax y 0). rewrite Rmax_left by lra. ring.
Qed.

(** Grönwall: [f' <= K f] almost everywhere where [f > 0], and [f 0 <= 0]: [f] never becomes positive. *)
Theorem ae_stays_nonpos (f : R -> R) (N : R -> Prop) (K T : R) :
  locally_lipschitz f -> negligible N -> 0 <= T -> f 0 <= 0 ->
  (forall u, 0 < u < T -> ~ N u -> exists l, is_derive f u l /\ (0 < f u -> l <= K * f u)) ->
  f T <= 0.
Proof.
  intros Hf HN HT H0 Hd.
  set (g := fun t => Rmax (f t) 0 * Rmax (f t) 0 * exp (- 2 * K * t)).
  assert (g T <= g 0) as G.
  { apply (ae_nonincreasing g N); trivial; try lra.
    - unfold g. apply lip_mult; [apply lip_mult; now apply lip_pos_part|apply lip_exp].
    - intros u Hu HNu. destruct (Hd u Hu HNu) as [l [Hl Hle]].
      exists ((l * (2 * Rmax (f u) 0)) * exp (- 2 * K * u)
              + Rmax (f u) 0 * Rmax (f u) 0 * (- 2 * K * exp (- 2 * K * u))).
      split.
      + generalize (exp_pos (- 2 * K * u)). intros He.
        destruct (Rle_lt_dec (f u) 0) as [Hn|Hp].
        * rewrite Rmax_right by lra. lra.
        * rewrite Rmax_left by lra. specialize (Hle Hp).
          replace (l * (2 * f u) * exp (-2 * K * u) + f u * f u * (-2 * K * exp (-2 * K * u)))
            with (2 * exp (-2 * K * u) * f u * (l - K * f u)) by ring.
          assert (0 < 2 * exp (-2 * K * u) * f u) by nra. nra.
      + apply (is_derive_mult (fun t => Rmax (f t) 0 * Rmax (f t) 0) (fun t => exp (- 2 * K * t))).
        * apply (is_derive_comp (fun y => Rmax y 0 * Rmax y 0) f); trivial. apply is_derive_pos_part_square.
        * auto_derive; trivial. ring.
        * intros; apply Rmult_comm. }
  unfold g in G. rewrite (Rmax_right (f 0)) in G by lra. rewrite Rmult_0_l, Rmult_0_l in G.
  apply Rnot_lt_le. intros Hp. rewrite Rmax_left in G by lra.
  generalize (exp_pos (- 2 * K * T)). intros. assert (0 < f T * f T) by nra. nra.
Qed.
