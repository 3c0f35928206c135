(** * Vectors: the Euclidean norm of [R^d] and bounds on finite sums

    A vector of [R^d] is a function [nat -> R] of which the coordinates [0, ..., d - 1] count;
    coordinate 0 is the teacher's direction [e_1].  [sum], [dot], [norm2] are those of [Conservation]. *)
From Coq Require Import Reals Lra Lia.
From Coquelicot Require Import Coquelicot.
From Signescape Require Import Conservation.
Open Scope R_scope.

Definition norm (d : nat) (u : nat -> R) : R := sqrt (norm2 d u).

Lemma sum_le d f g : (forall j, (j < d)%nat -> f j <= g j) -> sum d f <= sum d g.
Proof.
  induction d; intros H; simpl; [lra|]. assert (f d <= g d) by (apply H; lia).
  assert (sum d f <= sum d g); [|lra]. apply IHd. intros; apply H; lia.
Qed.

Lemma sum_nonneg d f : (forall j, (j < d)%nat -> 0 <= f j) -> 0 <= sum d f.
Proof. intros H. rewrite <- (sum_zero d). now apply sum_le. Qed.

Lemma sum_opp d f : sum d (fun j => - f j) = - sum d f.
Proof. induction d; simpl; [lra|rewrite IHd; lra]. Qed.

Lemma sum_abs d f : Rabs (sum d f) <= sum d (fun j => Rabs (f j)).
Proof.
  induction d; simpl; [rewrite Rabs_R0; lra|].
  eapply Rle_trans; [apply Rabs_triang|lra].
Qed.

(** the first term apart *)
Lemma sum_first d f : sum (S d) f = f 0%nat + sum d (fun j => f (S j)).
Proof. induction d; simpl in *; [lra|rewrite IHd; lra]. Qed.

Lemma sum_term_le d f j : (forall i, (i < d)%nat -> 0 <= f i) -> (j < d)%nat -> f j <= sum d f.
Proof.
  induction d; intros H Hj; [lia|]. simpl.
  assert (0 <= sum d f) by (apply sum_nonneg; intros; apply H; lia).
  assert (0 <= f d) by (apply H; lia).
  destruct (Nat.eq_dec j d) as [->|Hne]; [lra|].
  assert (f j <= sum d f); [|lra]. apply IHd; [intros; apply H; lia|lia].
Qed.

Lemma sum_zero_terms d f : (forall i, (i < d)%nat -> 0 <= f i) -> sum d f = 0 ->
  forall j, (j < d)%nat -> f j = 0.
Proof.
  intros H E j Hj. apply Rle_antisym; [rewrite <- E; now apply sum_term_le|now apply H].
Qed.

Lemma norm2_nonneg d u : 0 <= norm2 d u.
Proof. apply sum_nonneg. intros. apply Rle_0_sqr. Qed.

Lemma norm_nonneg d u : 0 <= norm d u.
Proof. apply sqrt_pos. Qed.

Lemma norm_square d u : norm d u * norm d u = norm2 d u.
Proof. apply sqrt_sqrt, norm2_nonneg. Qed.

Lemma coordinate_le_norm d u j : (j < d)%nat -> Rabs (u j) <= norm d u.
Proof.
  intros Hj. rewrite <- (sqrt_Rsqr_abs (u j)). apply sqrt_le_1_alt.
  apply (sum_term_le d (fun j => u j * u j)); trivial. intros. apply Rle_0_sqr.
Qed.

(** a crude Cauchy-Schwarz inequality, with the 1-norm of one factor *)
Lemma dot_le_norm d u v : Rabs (dot d u v) <= sum d (fun j => Rabs (v j)) * norm d u.
Proof.
  unfold dot. eapply Rle_trans; [apply sum_abs|]. rewrite Rmult_comm, <- sum_scal. apply sum_le.
  intros j Hj. rewrite Rabs_mult. apply Rmult_le_compat_r; [apply Rabs_pos|now apply coordinate_le_norm].
Qed.

Lemma relu_nonneg z : 0 <= relu z.
Proof. apply Rmax_r. Qed.

Lemma relu_le_abs z : relu z <= Rabs z.
Proof. apply Rmax_lub; [apply Rle_abs|apply Rabs_pos]. Qed.
