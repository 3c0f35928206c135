(** * Conservation: [a^2 - |w|^2] is constant along every gradient flow (claim T1)

    The student is [f(x) = a relu(w . x)] with [w] in dimension [d] (any [d], 0 and 1 included).  The data are
    finitely many samples [x_i] (any vectors); the loss is [1/n sum_i loss_i(f(x_i))] with losses [loss_i] that
    may be anything differentiable.  Only their derivative along the trajectory enters: the residual
    [rho_i t = loss_i'(f(x_i))] at time [t], here an arbitrary function of time (for the squared loss and labels
    [y_i] it is [a relu(w . x_i) - y_i]).

    Solutions are understood in the sense of Filippov and Clarke, in full generality: [a] and the coordinates
    of [w] are locally Lipschitz on [[0, oo)] (an absolutely continuous solution is, whenever the residuals and
    slopes stay bounded on bounded time intervals, as for a C^1 loss and Clarke slopes in [[0, 1]]), and outside a
    set of times of measure zero they are differentiable and satisfy the gradient-flow equation for *some* value
    [h_i t] of the derivative of relu at each [w . x_i]: 1 if [w . x_i > 0], 0 if [w . x_i < 0], and any real
    number at the kink [w . x_i = 0], depending on sample and time.
    No hypothesis is made on how often kinks are crossed or whether the solution slides along them. *)
From Coq Require Import Reals Lra Lia.
From Coquelicot Require Import Coquelicot.
From Signescape Require Import AlmostEverywhere Filippov.
Open Scope R_scope.

(** ** Finite sums, inner products, relu *)

(** [sum n u = u 0 + ... + u (n - 1)]. *)
Fixpoint sum (n : nat) (u : nat -> R) : R :=
  match n with O => 0 | S m => sum m u + u m end.

Lemma sum_ext n u v : (forall i, (i < n)%nat -> u i = v i) -> sum n u = sum n v.
Proof.
  induction n; intros H; simpl; trivial. rewrite IHn, (H n); trivial; [lia|]. intros; apply H; lia.
Qed.

Lemma sum_scal n c u : sum n (fun i => c * u i) = c * sum n u.
Proof. induction n; simpl; [ring|]. rewrite IHn; ring. Qed.

Lemma sum_plus n u v : sum n (fun i => u i + v i) = sum n u + sum n v.
Proof. induction n; simpl; [ring|]. rewrite IHn; ring. Qed.

Lemma sum_zero n : sum n (fun _ => 0) = 0.
Proof. induction n; simpl; [trivial|]. rewrite IHn; ring. Qed.

Lemma sum_swap m n (u : nat -> nat -> R) :
  sum m (fun j => sum n (fun i => u i j)) = sum n (fun i => sum m (fun j => u i j)).
Proof.
  induction n; simpl.
  - apply sum_zero.
  - rewrite sum_plus, IHn. reflexivity.
Qed.

Definition dot (d : nat) (u v : nat -> R) : R := sum d (fun j => u j * v j).

Definition relu (z : R) : R := Rmax z 0.

(** [h] is an admissible value of the derivative of [relu] at [z]: free at the kink. *)
Definition relu_slope (z h : R) : Prop := (0 < z -> h = 1) /\ (z < 0 -> h = 0).

(** relu is homogeneous: [relu z = h z] whatever the slope chosen at the kink. *)
Lemma relu_homogeneous z h : relu_slope z h -> relu z = h * z.
Proof.
  intros [H1 H2]. unfold relu. destruct (Rtotal_order z 0) as [H|[->|H]].
  - rewrite (H2 H), Rmax_right; lra.
  - rewrite Rmax_right; lra.
  - rewrite (H1 H), Rmax_left; lra.
Qed.

(** ** The flow *)

(** [(a, w)] solves the gradient flow on the samples [x 0 ... x (n-1)] in dimension [d] with residuals [rho]. *)
Definition gradient_flow (d n : nat) (x : nat -> nat -> R) (rho : nat -> R -> R)
    (a : R -> R) (w : nat -> R -> R) : Prop :=
  locally_lipschitz a /\ (forall j, (j < d)%nat -> locally_lipschitz (w j)) /\
  exists (N : R -> Prop) (h : nat -> R -> R), negligible N /\
    forall t, 0 < t -> ~ N t ->
      let z i := dot d (fun j => w j t) (x i) in
      (forall i, (i < n)%nat -> relu_slope (z i) (h i t)) /\
      is_derive a t (- / INR n * sum n (fun i => rho i t * relu (z i))) /\
      (forall j, (j < d)%nat ->
        is_derive (w j) t (- / INR n * sum n (fun i => rho i t * (a t * (h i t * x i j))))).

(** [|w|^2] *)
Definition norm2 (d : nat) (w : nat -> R) : R := sum d (fun j => w j * w j).

Lemma lip_norm2 d (w : nat -> R -> R) : (forall j, (j < d)%nat -> locally_lipschitz (w j)) ->
  locally_lipschitz (fun t => norm2 d (fun j => w j t)).
Proof.
  unfold norm2. induction d; intros H; simpl.
  - apply lip_const.
  - apply (lip_plus (fun t => sum d (fun j => w j t * w j t)) (fun t => w d t * w d t)).
    + apply IHd. intros; apply H; lia.
    + apply lip_mult; apply H; lia.
Qed.

Lemma is_derive_square (f : R -> R) (t l : R) : is_derive f t l ->
  is_derive (fun u => f u * f u) t (2 * (f t * l)).
Proof.
  intros D. replace (2 * (f t * l)) with (l * f t + f t * l) by ring.
  apply (is_derive_mult f f); trivial. intros; apply Rmult_comm.
Qed.

Lemma is_derive_norm2 d (w : nat -> R -> R) (l : nat -> R) t :
  (forall j, (j < d)%nat -> is_derive (w j) t (l j)) ->
  is_derive (fun u => norm2 d (fun j => w j u)) t (2 * sum d (fun j => w j t * l j)).
Proof.
  unfold norm2. induction d; intros H; simpl.
  - rewrite Rmult_0_r. apply @is_derive_const.
  - rewrite Rmult_plus_distr_l.
    apply (is_derive_plus (fun u => sum d (fun j => w j u * w j u)) (fun u => w d u * w d u)).
    + apply IHd. intros; apply H; lia.
    + apply is_derive_square, H; lia.
Qed.

(** T1.  Along every gradient flow, for any data, any dimension and any loss of [f]:
    [a(t)^2 - |w(t)|^2 = a(0)^2 - |w(0)|^2]. *)
Theorem conservation (d n : nat) (x : nat -> nat -> R) (rho : nat -> R -> R) (a : R -> R) (w : nat -> R -> R) :
  gradient_flow d n x rho a w ->
  forall t, 0 <= t ->
    a t * a t - norm2 d (fun j => w j t) = a 0 * a 0 - norm2 d (fun j => w j 0).
Proof.
  intros [La [Lw [N [h [HN Hflow]]]]] T HT.
  apply (ae_constant_on (fun t => a t * a t - norm2 d (fun j => w j t)) N); trivial; [|lra|].
  - apply (lip_ext (fun t => a t * a t + (- 1) * norm2 d (fun j => w j t))); [intros; ring|].
    apply lip_plus; [now apply lip_mult|]. apply lip_mult; [apply lip_const|now apply lip_norm2].
  - intros t Ht HNt. destruct (Hflow t ltac:(lra) HNt) as [Hh [Da Dw]]. clear Hflow.
    set (z i := dot d (fun j => w j t) (x i)) in *.
    assert (E : 0 = 2 * (a t * (- / INR n * sum n (fun i => rho i t * relu (z i))))
       - 2 * sum d (fun j => w j t * (- / INR n * sum n (fun i => rho i t * (a t * (h i t * x i j)))))).
    { rewrite (sum_ext d _ (fun j => - / INR n * sum n (fun i => w j t * (rho i t * (a t * (h i t * x i j)))))).
      2: { intros j _. rewrite sum_scal. ring. }
      rewrite sum_scal, sum_swap.
      rewrite (sum_ext n (fun i => sum d _) (fun i => a t * (rho i t * relu (z i)))).
      2: { intros i Hi. rewrite (relu_homogeneous (z i) (h i t)) by now apply Hh.
           unfold z at 1, dot. rewrite <- !sum_scal. apply sum_ext. intros; ring. }
      rewrite sum_scal. ring. }
    rewrite E. apply (is_derive_minus (fun u => a u * a u) (fun u => norm2 d (fun j => w j u))).
    + now apply is_derive_square.
    + now apply (is_derive_norm2 d w (fun j => - / INR n * sum n (fun i => rho i t * (a t * (h i t * x i j))))).
Qed.
