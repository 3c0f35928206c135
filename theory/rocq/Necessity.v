(** * Necessity: on any data, the neuron never learns from [a0 <= - ||w0||]  (claim T14, part N)

    The neuron [f(x) = a relu(w . x)] is trained by gradient flow on [n] samples [(x_i, y_i)] of [R^d]:
    any inputs, any labels, any [d].  [gradient_flow] (file [Conservation]) is the flow as a differential
    inclusion: locally Lipschitz [a] and [w], differentiable outside a negligible set of times, a slope of ReLU
    chosen at each kink, at each time and for each sample.  It contains the Filippov and the Clarke solutions
    and every convention for [phi'(0)]. *)
From Coq Require Import Reals Lra Lia.
From Coquelicot Require Import Coquelicot.
From Signescape Require Import AlmostEverywhere Conservation Vectors.
Open Scope R_scope.

(** "Learns [beta]": the limit has [w_1 > 0] and [a w_1 = beta > 0] (noise-free [beta = 1]). *)
Definition learns (a w1 : R -> R) (beta : R) : Prop := 0 < beta /\
  exists a_lim w_lim : R, is_lim a p_infty a_lim /\ is_lim w1 p_infty w_lim /\
    0 < w_lim /\ a_lim * w_lim = beta.

(** Time is the first argument of a residual's bound: each residual stays bounded on every [[0, T]]. *)
Definition residuals_locally_bounded (n : nat) (rho : nat -> R -> R) : Prop :=
  forall T, 0 <= T -> exists M : nat -> R, (forall i, 0 <= M i) /\
    forall i t, (i < n)%nat -> 0 <= t <= T -> Rabs (rho i t) <= M i.

Section AnyLoss.
  Variables (d n : nat) (x : nat -> nat -> R) (rho : nat -> R -> R) (a : R -> R) (w : nat -> R -> R).
  Hypothesis flow : gradient_flow d n x rho a w.

  Let z (t : R) (i : nat) : R := dot d (fun j => w j t) (x i).
  Let size (i : nat) : R := sum d (fun j => Rabs (x i j)).

  (** From [|a0| >= ||w0||] on, [|a| >= ||w||] for ever. *)
  Lemma norm_le_abs_a t : norm d (fun j => w j 0) <= Rabs (a 0) -> 0 <= t ->
    norm d (fun j => w j t) <= Rabs (a t).
  Proof.
    intros H0 Ht. generalize (conservation d n x rho a w flow t Ht). intros E.
    unfold norm. rewrite <- (sqrt_Rsqr_abs (a t)). apply sqrt_le_1_alt. unfold Rsqr.
    generalize (norm_square d (fun j => w j 0)) (norm_nonneg d (fun j => w j 0)) (Rabs_pos (a 0)). intros.
    assert (Rabs (a 0) * Rabs (a 0) = a 0 * a 0) by (rewrite <- Rabs_mult; apply Rabs_pos_eq, Rle_0_sqr).
    nra.
  Qed.

  Lemma size_nonneg i : 0 <= size i.
  Proof. apply sum_nonneg. intros; apply Rabs_pos. Qed.

  Lemma relu_bound t i : norm d (fun j => w j 0) <= Rabs (a 0) -> 0 <= t ->
    relu (z t i) <= size i * Rabs (a t).
  Proof.
    intros H0 Ht. eapply Rle_trans; [apply relu_le_abs|].
    eapply Rle_trans; [apply dot_le_norm|]. apply Rmult_le_compat_l; [apply size_nonneg|].
    now apply norm_le_abs_a.
  Qed.

  (** For any loss of [f] whose derivatives stay bounded in finite time: [a0 <= - ||w0||] implies
      [a(t) <= 0] for all [t >= 0].  Proof: [|a'| <= K ||w|| <= K |a|] on every [[0, T]]; Grönwall. *)
  Theorem necessity_any_loss : residuals_locally_bounded n rho ->
    a 0 <= - norm d (fun j => w j 0) -> forall t, 0 <= t -> a t <= 0.
  Proof.
    intros Hrho H0 T HT. generalize (norm_nonneg d (fun j => w j 0)). intros Hn0.
    assert (norm d (fun j => w j 0) <= Rabs (a 0)) as H1 by (rewrite Rabs_left1; lra).
    destruct (Hrho T HT) as [M [HM HB]].
    destruct flow as [Ha [_ [N [h [HN Hd]]]]].
    assert (0 <= / INR n) as Hn.
    { destruct n; [simpl; rewrite Rinv_0; lra|]. left. apply Rinv_0_lt_compat, lt_0_INR. lia. }
    apply (ae_stays_nonpos a N (/ INR n * sum n (fun i => M i * size i)) T); trivial; [lra|].
    intros u Hu HNu. destruct (Hd u) as [_ [H2 _]]; trivial; [lra|].
    eexists. split; [exact H2|]. intros Hpos.
    apply Rle_trans with (/ INR n * sum n (fun i => - (rho i u * relu (z u i)))).
    { rewrite sum_opp. unfold z. lra. }
    replace (/ INR n * sum n (fun i => M i * size i) * a u)
      with (/ INR n * (a u * sum n (fun i => M i * size i))) by ring.
    apply Rmult_le_compat_l; trivial. rewrite <- sum_scal. apply sum_le. intros i Hi.
    generalize (relu_bound u i H1) (relu_nonneg (z u i)) (HB i u Hi) (HM i)
      (size_nonneg i) (Rle_abs (- rho i u)).
    rewrite Rabs_Ropp, (Rabs_pos_eq (a u)) by lra. intros G1 G2 G3 G4 G5 G6.
    assert (relu (z u i) <= size i * a u) as K1 by (apply G1; lra).
    assert (- rho i u <= M i) as K2 by (eapply Rle_trans; [exact G6|apply G3; lra]).
    replace (- (rho i u * relu (z u i))) with ((- rho i u) * relu (z u i)) by ring.
    apply Rle_trans with (M i * relu (z u i)); [now apply Rmult_le_compat_r|].
    replace (a u * (M i * size i)) with (M i * (size i * a u)) by ring. now apply Rmult_le_compat_l.
  Qed.
End AnyLoss.

Section SquaredLoss.
  (** Gradient flow of [L = 1/(2n) sum_i (a relu(w . x_i) - y_i)^2], from [(a0, w0) = (a 0, w . 0)]. *)
  Variables (d n : nat) (x : nat -> nat -> R) (y : nat -> R) (a : R -> R) (w : nat -> R -> R).

  Definition squared_loss_residual (i : nat) (t : R) : R :=
    a t * relu (dot d (fun j => w j t) (x i)) - y i.

  Hypothesis flow : gradient_flow d n x squared_loss_residual a w.

  Lemma lip_preactivation i : locally_lipschitz (fun t => dot d (fun j => w j t) (x i)).
  Proof.
    destruct flow as [_ [Hw _]]. unfold dot.
    assert (forall k, (k <= d)%nat -> locally_lipschitz (fun t => sum k (fun j => w j t * x i j))) as G.
    { induction k; intros Hk; simpl; [apply lip_const|].
      apply (lip_plus (fun t => sum k (fun j => w j t * x i j)) (fun t => w k t * x i k)); [apply IHk; lia|].
      apply lip_mult; [apply Hw; lia|apply lip_const]. }
    now apply G.
  Qed.

  Lemma squared_loss_residuals_bounded : residuals_locally_bounded n squared_loss_residual.
  Proof.
    intros T HT.
    assert (forall i, exists m, 0 <= m /\ forall t, 0 <= t <= T -> Rabs (squared_loss_residual i t) <= m) as B.
    { intros i. apply lip_bounded; trivial. unfold squared_loss_residual, Rminus.
      apply (lip_plus (fun t => a t * relu (dot d (fun j => w j t) (x i))) (fun _ => - y i)); [|apply lip_const].
      apply lip_mult; [apply flow|]. apply lip_pos_part, lip_preactivation. }
    assert (forall k, exists M : nat -> R, (forall i, 0 <= M i) /\
      forall i t, (i < k)%nat -> 0 <= t <= T -> Rabs (squared_loss_residual i t) <= M i) as G.
    { induction k as [|k [M [H1 H2]]].
      - exists (fun _ => 0). split; [intros; lra|]. intros; lia.
      - destruct (B k) as [m [Hm Hb]].
        exists (fun i => if Nat.eq_dec i k then m else M i). split.
        + intros i. destruct Nat.eq_dec; auto.
        + intros i t Hi Ht. destruct Nat.eq_dec as [->|Hne]; [auto|]. apply H2; [lia|trivial]. }
    apply G.
  Qed.

  (** ** The theorem: [a0 <= - ||w0||] implies [a(t) <= 0] for all [t >= 0]. *)
  Theorem necessity : a 0 <= - norm d (fun j => w j 0) -> forall t, 0 <= t -> a t <= 0.
  Proof.
    exact (necessity_any_loss d n x squared_loss_residual a w flow squared_loss_residuals_bounded).
  Qed.

  (** ... hence the neuron's output is [<= 0] on every input [v], at every time ... *)
  Corollary output_nonpositive : a 0 <= - norm d (fun j => w j 0) ->
    forall t v, 0 <= t -> a t * relu (dot d (fun j => w j t) v) <= 0.
  Proof.
    intros H0 t v Ht. generalize (necessity H0 t Ht) (relu_nonneg (dot d (fun j => w j t) v)). nra.
  Qed.

  (** ... at no time does it have the teacher's signs, in any coordinate [k] ... *)
  Corollary never_right_signs : a 0 <= - norm d (fun j => w j 0) ->
    forall t k, 0 <= t -> ~ (0 < w k t /\ 0 < a t * w k t).
  Proof. intros H0 t k Ht [Hw Hp]. generalize (necessity H0 t Ht). nra. Qed.

  (** ... and it never learns. *)
  Corollary never_learns : a 0 <= - norm d (fun j => w j 0) -> forall beta, ~ learns a (w 0%nat) beta.
  Proof.
    intros H0 beta [Hb [al [wl [Ha [_ [Hw E]]]]]].
    assert (Rbar_le al 0) as G.
    { apply (is_lim_le_loc a (fun _ => 0) p_infty); trivial; [|apply is_lim_const].
      exists 0. intros t Ht. apply necessity; trivial. lra. }
    simpl in G. nra.
  Qed.
End SquaredLoss.
