(** * OneInputData: the one-input theorems stated on the data (claims T2a, T2b) *)
From Coq Require Import Reals Lra Lia.
From Coquelicot Require Import Coquelicot.
From Signescape Require Import AlmostEverywhere Filippov Conservation Necessity OneInputFlow OneInput.
Open Scope R_scope.

(** ** From the data to the branches

    [n] samples [(x_i, y_i)] with one input; [empirical_flow] is the Filippov gradient flow of
    [1/(2n) sum_i (a relu(w x_i) - y_i)^2].  At [w = 0] the set of Filippov speeds is the segment between the two
    one-sided limits: the slope of relu is [lam] at the samples with [x_i > 0] and [1 - lam] at those with
    [x_i < 0], with one [lam] in [[0, 1]] for all ([lam = 1] for [w > 0], [lam = 0] for [w < 0]). *)
Definition slope (lam z : R) : R :=
  if Rlt_dec 0 z then lam else if Rlt_dec z 0 then 1 - lam else 0.

Definition empirical_flow (n : nat) (x y : nat -> R) (a w : R -> R) : Prop :=
  locally_lipschitz a /\ locally_lipschitz w /\
  exists (N : R -> Prop) (lam : R -> R), negligible N /\ forall t, 0 < t -> ~ N t ->
    let residual i := a t * relu (w t * x i) - y i in
    0 <= lam t <= 1 /\ (0 < w t -> lam t = 1) /\ (w t < 0 -> lam t = 0) /\
    is_derive a t (- / INR n * sum n (fun i => residual i * relu (w t * x i))) /\
    is_derive w t (- / INR n * sum n (fun i => residual i * (a t * (slope (lam t) (x i) * x i)))).

(** [1/n] times the sum of [u_i v_i] over the samples with [x_i > 0], and with [x_i < 0]. *)
Definition moment_right (n : nat) (x u v : nat -> R) : R :=
  / INR n * sum n (fun i => if Rlt_dec 0 (x i) then u i * v i else 0).
Definition moment_left (n : nat) (x u v : nat -> R) : R :=
  / INR n * sum n (fun i => if Rlt_dec (x i) 0 then u i * v i else 0).

Lemma relu_pos z : 0 <= z -> relu z = z.
Proof. intros; unfold relu; now rewrite Rmax_left. Qed.
Lemma relu_neg z : z <= 0 -> relu z = 0.
Proof. intros; unfold relu; now rewrite Rmax_right. Qed.

Lemma sum_lin n c k (u v : nat -> R) : sum n (fun i => c * u i + k * v i) = c * sum n u + k * sum n v.
Proof. now rewrite sum_plus, !sum_scal. Qed.

(** The reduction: with [s = mean of x_i^2] and [s b = mean of x_i y_i] over each side. *)
Theorem empirical_flow_branches (n : nat) (x y : nat -> R) (bp bm : R) (a w : R -> R) :
  moment_right n x x y = moment_right n x x x * bp ->
  moment_left n x x y = moment_left n x x x * bm ->
  empirical_flow n x y a w ->
  one_input_flow (moment_right n x x x) bp (moment_left n x x x) bm a w.
Proof.
  intros Hbp Hbm [La [Lw [N [lam' [HN H]]]]]. split; trivial. split; trivial. exists N. split; trivial.
  intros t Ht HNt. destruct (H t Ht HNt) as [Hl [H1 [H2 [A B]]]]. clear H. set (lam := lam' t) in *.
  set (A0 := a t) in *. set (W := w t) in *.
  set (ur i := if Rlt_dec 0 (x i) then x i * x i else 0) in *.
  set (vr i := if Rlt_dec 0 (x i) then x i * y i else 0) in *.
  set (ul i := if Rlt_dec (x i) 0 then x i * x i else 0) in *.
  set (vl i := if Rlt_dec (x i) 0 then x i * y i else 0) in *.
  unfold moment_right, moment_left in *. fold ur vr ul vl in Hbp, Hbm |- *.
  split; [|split]; intros HW.
  - rewrite (H1 HW) in B. split.
    + apply (is_derive_eq _ _ _ _ A).
      rewrite (sum_ext n _ (fun i => (A0 * W * W) * ur i + (- W) * vr i)).
      * rewrite sum_lin.
        transitivity (W * (/ INR n * sum n vr) - A0 * W * W * (/ INR n * sum n ur)); [ring|].
        rewrite Hbp. ring.
      * intros i _. unfold ur, vr. destruct Rlt_dec.
        -- rewrite relu_pos by nra. ring.
        -- rewrite relu_neg by nra. ring.
    + apply (is_derive_eq _ _ _ _ B).
      rewrite (sum_ext n _ (fun i => (A0 * A0 * W) * ur i + (- A0) * vr i)).
      * rewrite sum_lin.
        transitivity (A0 * (/ INR n * sum n vr) - A0 * A0 * W * (/ INR n * sum n ur)); [ring|].
        rewrite Hbp. ring.
      * intros i _. unfold ur, vr, slope. destruct Rlt_dec.
        -- rewrite relu_pos by nra. ring.
        -- destruct Rlt_dec; ring.
  - rewrite (H2 HW) in B. split.
    + apply (is_derive_eq _ _ _ _ A).
      rewrite (sum_ext n _ (fun i => (A0 * W * W) * ul i + (- W) * vl i)).
      * rewrite sum_lin.
        transitivity (W * (/ INR n * sum n vl) - A0 * W * W * (/ INR n * sum n ul)); [ring|].
        rewrite Hbm. ring.
      * intros i _. unfold ul, vl. destruct Rlt_dec.
        -- rewrite relu_pos by nra. ring.
        -- rewrite relu_neg by nra. ring.
    + apply (is_derive_eq _ _ _ _ B).
      rewrite (sum_ext n _ (fun i => (A0 * A0 * W) * ul i + (- A0) * vl i)).
      * rewrite sum_lin.
        transitivity (A0 * (/ INR n * sum n vl) - A0 * A0 * W * (/ INR n * sum n ul)); [ring|].
        rewrite Hbm. ring.
      * intros i _. unfold ul, vl, slope. destruct (Rlt_dec (x i) 0), (Rlt_dec 0 (x i)); try lra.
        rewrite relu_pos by nra. ring.
  - rewrite HW in A, B. split.
    + apply (is_derive_eq _ _ _ _ A).
      rewrite (sum_ext n _ (fun i => 0)); [rewrite sum_zero; ring|].
      intros i _. rewrite Rmult_0_l, (relu_pos 0) by lra. ring.
    + exists lam. split; trivial. apply (is_derive_eq _ _ _ _ B).
      rewrite (sum_ext n _ (fun i => (- (A0 * lam)) * vr i + (- (A0 * (1 - lam))) * vl i)).
      * rewrite sum_lin.
        transitivity (A0 * lam * (/ INR n * sum n vr) + A0 * (1 - lam) * (/ INR n * sum n vl)); [ring|].
        rewrite Hbp, Hbm. ring.
      * intros i _. rewrite Rmult_0_l, (relu_pos 0) by lra. unfold vr, vl, slope.
        destruct (Rlt_dec (x i) 0), (Rlt_dec 0 (x i)); try lra; ring.
Qed.

(** It is an instance of the gradient flow of [Conservation] (dimension 1). *)
Lemma empirical_flow_gradient_flow (n : nat) (x y : nat -> R) (a w : R -> R) : empirical_flow n x y a w ->
  gradient_flow 1 n (fun i _ => x i) (fun i t => a t * relu (w t * x i) - y i) a (fun _ => w).
Proof.
  intros [La [Lw [N [lam [HN H]]]]]. split; trivial. split; trivial.
  exists N, (fun i t => slope (lam t) (x i)). split; trivial. intros t Ht HNt z.
  destruct (H t Ht HNt) as [Hl [H1 [H2 [A B]]]]. clear H.
  assert (Ez : forall i, z i = w t * x i) by (intros; unfold z, dot; simpl; ring).
  split; [|split].
  - intros i _. rewrite Ez. unfold slope. split; intros Hz.
    + destruct (Rtotal_order (w t) 0) as [Hw|[Hw|Hw]].
      * rewrite (H2 Hw). assert (x i < 0) by nra. repeat destruct Rlt_dec; lra.
      * rewrite Hw in Hz. lra.
      * rewrite (H1 Hw). assert (0 < x i) by nra. repeat destruct Rlt_dec; lra.
    + destruct (Rtotal_order (w t) 0) as [Hw|[Hw|Hw]].
      * rewrite (H2 Hw). assert (0 < x i) by nra. repeat destruct Rlt_dec; lra.
      * rewrite Hw in Hz. lra.
      * rewrite (H1 Hw). assert (x i < 0) by nra. repeat destruct Rlt_dec; lra.
  - apply (is_derive_eq _ _ _ _ A). f_equal. apply sum_ext. intros i _. now rewrite Ez.
  - intros j _. exact B.
Qed.

Lemma sum_nonneg_pos n (u : nat -> R) : (forall i, (i < n)%nat -> 0 <= u i) ->
  0 <= sum n u /\ ((exists i, (i < n)%nat /\ 0 < u i) -> 0 < sum n u).
Proof.
  induction n; intros H; simpl.
  - split; [lra|]. intros [i [Hi _]]. lia.
  - destruct IHn as [I1 I2]; [intros; apply H; lia|]. assert (0 <= u n) by (apply H; lia).
    split; [lra|]. intros [i [Hi Hp]]. destruct (Nat.eq_dec i n) as [->|Hne]; [lra|].
    assert (0 < sum n u); [|lra]. apply I2. exists i. split; trivial. lia.
Qed.

Lemma INR_inv_nonneg n : 0 <= / INR n.
Proof. destruct n; [simpl; rewrite Rinv_0; lra|]. left. apply Rinv_0_lt_compat, lt_0_INR. lia. Qed.

Lemma moment_right_pos n x : (exists i, (i < n)%nat /\ 0 < x i) -> 0 < moment_right n x x x.
Proof.
  intros [i [Hi Hx]]. unfold moment_right. apply Rmult_lt_0_compat.
  - apply Rinv_0_lt_compat, lt_0_INR. lia.
  - apply sum_nonneg_pos.
    + intros j _. destruct Rlt_dec; [nra|lra].
    + exists i. split; trivial. destruct Rlt_dec; [nra|lra].
Qed.

Lemma moment_left_nonneg n x : 0 <= moment_left n x x x.
Proof.
  unfold moment_left. apply Rmult_le_pos; [apply INR_inv_nonneg|]. apply sum_nonneg_pos.
  intros j _. destruct Rlt_dec; [nra|lra].
Qed.

Lemma moment_left_pos n x : (exists i, (i < n)%nat /\ x i < 0) -> 0 < moment_left n x x x.
Proof.
  intros [i [Hi Hx]]. unfold moment_left. apply Rmult_lt_0_compat.
  - apply Rinv_0_lt_compat, lt_0_INR. lia.
  - apply sum_nonneg_pos.
    + intros j _. destruct Rlt_dec; [nra|lra].
    + exists i. split; trivial. destruct Rlt_dec; [nra|lra].
Qed.

(** T2a from the data: noise-free labels [y_i = relu(x_i)], at least one sample with [x_i > 0], [w0 <> 0].
    Every Filippov gradient flow of the empirical squared loss learns the target iff [w0 > 0] and [a0 > - w0]. *)
Theorem noise_free_data_learns_iff (n : nat) (x y : nat -> R) (a w : R -> R) :
  (forall i, (i < n)%nat -> y i = relu (x i)) -> (exists i, (i < n)%nat /\ 0 < x i) ->
  empirical_flow n x y a w -> w 0 <> 0 ->
  (learns a w 1 <-> 0 < w 0 /\ - w 0 < a 0).
Proof.
  intros Hy Hx Hf Hw.
  apply (noise_free_learns_iff (moment_right n x x x) (moment_left n x x x)); trivial.
  - now apply moment_right_pos.
  - apply moment_left_nonneg.
  - apply (empirical_flow_branches n x y); trivial.
    + rewrite Rmult_1_r. unfold moment_right. f_equal. apply sum_ext. intros i Hi.
      destruct Rlt_dec; trivial. rewrite Hy, relu_pos by (trivial; lra). reflexivity.
    + rewrite Rmult_0_r. unfold moment_left. rewrite (sum_ext n _ (fun _ => 0)), sum_zero; [ring|].
      intros i Hi. destruct Rlt_dec; trivial. rewrite Hy, relu_neg by (trivial; lra). ring.
Qed.

(** T2b from the data: any labels, samples on both sides, [bp > 0].
    [bp], [bm] are the least-squares slopes [sum x_i y_i / sum x_i^2] over [x_i > 0] and over [x_i < 0]. *)
Theorem data_learns_iff (n : nat) (x y : nat -> R) (a w : R -> R) :
  let bp := moment_right n x x y / moment_right n x x x in
  let bm := moment_left n x x y / moment_left n x x x in
  (exists i, (i < n)%nat /\ 0 < x i) -> (exists i, (i < n)%nat /\ x i < 0) -> 0 < bp ->
  empirical_flow n x y a w -> w 0 <> 0 ->
  (learns a w bp <-> 0 < a 0 + w 0 /\ (0 < w 0 \/ w 0 < 0 /\ 0 < bm)).
Proof.
  intros bp bm Hr Hl Hbp Hf Hw. apply moment_right_pos in Hr. apply moment_left_pos in Hl.
  apply (learns_iff (moment_right n x x x) bp (moment_left n x x x) bm); trivial.
  apply (empirical_flow_branches n x y); trivial; unfold bp, bm; field; lra.
Qed.
