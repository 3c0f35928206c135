(** * Filippov: the tools of [Flow] for solutions differentiable only almost everywhere

    [f] is locally Lipschitz on [[0, oo)] and has a derivative outside a negligible set [N]; the hypotheses
    on the derivative are asked outside [N] only. *)
From Coq Require Import Reals Lra.
From Coquelicot Require Import Coquelicot.
From Signescape Require Import Flow AlmostEverywhere.
Open Scope R_scope.

Lemma lip_cont0 (f : R -> R) : locally_lipschitz f -> cont0 f.
Proof.
  intros Hf t eps Ht He. destruct (Hf (t + 1)) as [K [HK HL]]; [lra|].
  exists (Rmin 1 (eps / (K + 1))). split.
  { apply Rmin_pos; [lra|]. apply Rdiv_lt_0_compat; lra. }
  intros u Hu Hut.
  assert (H1 : Rabs (u - t) < 1) by (eapply Rlt_le_trans; [exact Hut|apply Rmin_l]).
  assert (H2 : Rabs (u - t) < eps / (K + 1)) by (eapply Rlt_le_trans; [exact Hut|apply Rmin_r]).
  apply Rabs_def2 in H1. eapply Rle_lt_trans; [apply HL; lra|].
  apply (Rmult_lt_compat_r (K + 1)) in H2; [|lra].
  replace (eps / (K + 1) * (K + 1)) with eps in H2 by (field; lra).
  generalize (Rabs_pos (u - t)). nra.
Qed.

Lemma lip_opp (f : R -> R) : locally_lipschitz f -> locally_lipschitz (fun t => - f t).
Proof.
  intros H. apply (lip_ext (fun t => -1 * f t)); [intros; ring|]. apply lip_mult; trivial. apply lip_const.
Qed.

Lemma lip_minus (f g : R -> R) : locally_lipschitz f -> locally_lipschitz g ->
  locally_lipschitz (fun t => f t - g t).
Proof.
  intros Hf Hg. apply (lip_ext (fun t => f t + - g t)); [intros; ring|]. apply lip_plus; trivial. now apply lip_opp.
Qed.

Lemma is_derive_eq (f : R -> R) (t l l' : R) : is_derive f t l -> l = l' -> is_derive f t l'.
Proof. now intros D <-. Qed.

Lemma is_derive_opp' (f : R -> R) t l : is_derive f t l -> is_derive (fun u => - f u) t (- l).
Proof. apply (is_derive_opp f t l). Qed.

Lemma is_derive_plus' (f g : R -> R) t l m : is_derive f t l -> is_derive g t m ->
  is_derive (fun u => f u + g u) t (l + m).
Proof. apply (is_derive_plus f g t l m). Qed.

Lemma is_derive_minus' (f g : R -> R) t l m : is_derive f t l -> is_derive g t m ->
  is_derive (fun u => f u - g u) t (l - m).
Proof. apply (is_derive_minus f g t l m). Qed.

Lemma is_derive_mult' (f g : R -> R) t l m : is_derive f t l -> is_derive g t m ->
  is_derive (fun u => f u * g u) t (l * g t + f t * m).
Proof. intros. apply (is_derive_mult f g); trivial. intros; apply Rmult_comm. Qed.

Section AlmostEverywhere.
  Variables (f : R -> R) (N : R -> Prop).
  Hypothesis Hf : locally_lipschitz f.
  Hypothesis HN : negligible N.

  (** [f' >= 0] almost everywhere on [(s, t)]. *)
  Lemma ae_nondecreasing s t : 0 <= s <= t ->
    (forall u, s < u < t -> ~ N u -> exists l, 0 <= l /\ is_derive f u l) -> f s <= f t.
  Proof.
    intros Hst H. cut (- f t <= - f s); [lra|].
    apply (ae_nonincreasing (fun u => - f u) N); trivial; [now apply lip_opp|].
    intros u Hu HNu. destruct (H u Hu HNu) as [l [Hl D]]. exists (- l). split; [lra|]. now apply is_derive_opp'.
  Qed.

  (** [f' >= delta] almost everywhere on [(s, t)]. *)
  Lemma ae_growth s t delta : 0 <= s <= t ->
    (forall u, s < u < t -> ~ N u -> exists l, delta <= l /\ is_derive f u l) ->
    f s + delta * (t - s) <= f t.
  Proof.
    intros Hst H. cut (delta * t - f t <= delta * s - f s); [lra|].
    apply (ae_nonincreasing (fun u => delta * u - f u) N s t); trivial; try lra.
    - apply lip_minus; trivial. apply lip_mult; [apply lip_const|].
      intros T HT. exists 1. split; [lra|]. intros; lra.
    - intros u Hu HNu. destruct (H u Hu HNu) as [l [Hl D]]. exists (delta * 1 - l). split; [lra|].
      apply is_derive_minus'; trivial. apply (is_derive_scal (fun x => x) u delta 1). apply @is_derive_id.
  Qed.

  (** [f' = 0] almost everywhere on [(s, t)]. *)
  Lemma ae_constant_on s t : 0 <= s <= t ->
    (forall u, s < u < t -> ~ N u -> is_derive f u 0) -> f t = f s.
  Proof.
    intros Hst H. apply Rle_antisym.
    - apply (ae_nonincreasing f N); trivial. intros u Hu HNu. exists 0. split; [lra|]. auto.
    - apply ae_nondecreasing; trivial. intros u Hu HNu. exists 0. split; [lra|]. auto.
  Qed.

  Lemma lip_times_exp K : locally_lipschitz (fun u => f u * exp (K * u)).
  Proof. apply (lip_mult f (fun u => exp (K * u))); trivial. apply lip_exp. Qed.

  (** Grönwall: while positive, [f] falls at most exponentially on [(s, T)], so it stays positive. *)
  Lemma ae_pos_stays K s T : 0 <= s <= T -> 0 < f s ->
    (forall u, s < u < T -> ~ N u -> 0 < f u -> exists l, is_derive f u l /\ - K * f u <= l) ->
    0 < f T.
  Proof.
    intros HsT Hs H. destruct (Rlt_le_dec 0 (f T)) as [|Hle]; trivial. exfalso.
    destruct (first_zero f s T (lip_cont0 f Hf) HsT Hs Hle) as [tau [Ht1 [Ht2 Ht3]]].
    assert (G : - f tau * exp (K * tau) <= - f s * exp (K * s)).
    { apply (ae_nonincreasing (fun u => - f u * exp (K * u)) N); trivial; try lra.
      - apply (lip_mult (fun u => - f u) (fun u => exp (K * u))); [now apply lip_opp|apply lip_exp].
      - intros u Hu HNu. assert (P : 0 < f u) by (apply Ht3; lra).
        destruct (H u ltac:(lra) HNu P) as [l [D Hl]].
        exists ((- l + K * - f u) * exp (K * u)). split.
        + generalize (exp_pos (K * u)); intros. assert (- l + K * - f u <= 0) by lra. nra.
        + apply (is_derive_mult_exp (fun v => - f v) K u (- l)). now apply is_derive_opp'. }
    rewrite Ht2 in G. generalize (exp_pos (K * s)); intros. nra.
  Qed.

  (** Grönwall: while positive, [f] grows at most exponentially on [(s, T)], so it cannot become positive. *)
  Lemma ae_nonpos_stays K s T : 0 <= s <= T -> f s <= 0 ->
    (forall u, s < u < T -> ~ N u -> 0 < f u -> exists l, is_derive f u l /\ l <= K * f u) ->
    f T <= 0.
  Proof.
    intros HsT Hs H. destruct (Rle_lt_dec (f T) 0) as [|Hlt]; trivial. exfalso.
    destruct (last_zero f s T (lip_cont0 f Hf) HsT Hs Hlt) as [tau [Ht1 [Ht2 Ht3]]].
    assert (G : f T * exp (- K * T) <= f tau * exp (- K * tau)).
    { apply (ae_nonincreasing (fun u => f u * exp (- K * u)) N); trivial; try lra.
      - apply lip_times_exp.
      - intros u Hu HNu. assert (P : 0 < f u) by (apply Ht3; lra).
        destruct (H u ltac:(lra) HNu P) as [l [D Hl]].
        exists ((l + - K * f u) * exp (- K * u)). split.
        + generalize (exp_pos (- K * u)); intros. assert (l + - K * f u <= 0) by lra. nra.
        + now apply is_derive_mult_exp. }
    rewrite Ht2 in G. generalize (exp_pos (- K * T)); intros. nra.
  Qed.

  (** A non-negative [f] that never grows after [s], and decreases at a rate bounded away from 0 wherever
      [f >= eps], tends to 0. *)
  Lemma ae_vanishes s : 0 <= s -> (forall t, s <= t -> 0 <= f t) ->
    (forall eps, 0 < eps -> exists delta, 0 < delta /\ forall u, s < u -> ~ N u ->
      exists l, is_derive f u l /\ l <= 0 /\ (eps <= f u -> l <= - delta)) ->
    is_lim f p_infty 0.
  Proof.
    intros Hs Hpos H. apply is_lim_spec. intros [eps He]. simpl.
    destruct (H eps He) as [delta [Hdel Hd]].
    assert (Hfs : 0 <= f s) by (apply Hpos; lra).
    assert (0 <= f s / delta) by (apply Rdiv_le_0_compat; lra).
    exists (s + f s / delta). intros x Hx.
    rewrite Rminus_0_r, Rabs_pos_eq by (apply Hpos; lra).
    destruct (Rlt_le_dec (f x) eps) as [|Hle]; trivial. exfalso.
    assert (Hge : forall u, s <= u <= x -> eps <= f u).
    { intros u Hu. apply Rle_trans with (1 := Hle). apply (ae_nonincreasing f N); trivial; try lra.
      intros v Hv HNv. destruct (Hd v ltac:(lra) HNv) as [l [D [Hl _]]]. now exists l. }
    assert (G : f x + delta * x <= f s + delta * s).
    { apply (ae_nonincreasing (fun u => f u + delta * u) N s x); trivial; try lra.
      - apply lip_plus; trivial. apply lip_mult; [apply lip_const|].
        intros T HT. exists 1. split; [lra|]. intros; lra.
      - intros u Hu HNu. destruct (Hd u ltac:(lra) HNu) as [l [D [_ Hl]]]. exists (l + delta * 1). split.
        + specialize (Hl (Hge u ltac:(lra))). lra.
        + apply is_derive_plus'; trivial. apply (is_derive_scal (fun x => x) u delta 1). apply @is_derive_id. }
    assert (f s < delta * (x - s)).
    { assert (Q : f s / delta < x - s) by lra.
      apply (Rmult_lt_compat_l delta) in Q; trivial.
      replace (delta * (f s / delta)) with (f s) in Q by (field; lra). lra. }
    specialize (Hpos x ltac:(lra)). lra.
  Qed.

  (** ... in particular if [f' <= - k f] almost everywhere after [s], [k > 0]. *)
  Lemma ae_decay_to_zero k s : 0 < k -> 0 <= s -> (forall t, s <= t -> 0 <= f t) ->
    (forall u, s < u -> ~ N u -> exists l, is_derive f u l /\ l <= - k * f u) ->
    is_lim f p_infty 0.
  Proof.
    intros Hk Hs Hpos H. apply (ae_vanishes s); trivial. intros eps He.
    exists (k * eps). split; [now apply Rmult_lt_0_compat|]. intros u Hu HNu.
    destruct (H u Hu HNu) as [l [D Hl]]. exists l. split; trivial. specialize (Hpos u ltac:(lra)).
    split; [nra|]. intros Hge. nra.
  Qed.
End AlmostEverywhere.
