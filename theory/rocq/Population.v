(** * Population: the population gradient flow in [R^d]  (claims T3, T5; the outside of T4)

    Student [a relu(w . x)], teacher [relu(x_1)], Gaussian inputs, [w <> 0].  With [r = ||w||], [theta] the angle
    between [w] and [e_1] and [g] as in [Angle], the gradient of the expected loss gives
      [a' = r g(theta) - a r^2 / 2],
      [w' = (a / 2 PI) ((PI - theta) e_1 + sin theta w / r) - a^2 w / 2].
    (The Gaussian integral behind this is not formalised: the flow is taken from here.)
    A trajectory is considered on [[0, T)], as long as [w] does not vanish; a global one is one for every [T]. *)
From Coq Require Import Reals Lra Lia.
From Coquelicot Require Import Coquelicot.
From Signescape Require Import Conservation Vectors Flow Angle Plane PlaneFlow PlaneBounds.
Open Scope R_scope.

(** [e_1] is coordinate 0. *)
Definition e1 (j : nat) : R := match j with O => 1 | S _ => 0 end.

Definition at_time (w : nat -> R -> R) (t : R) : nat -> R := fun j => w j t.

(** The angle between [u] and [e_1]. *)
Definition angle (d : nat) (u : nat -> R) : R := acos (u O / norm d u).

Lemma angle_bounds d u : 0 <= angle d u <= PI.
Proof. apply acos_bound. Qed.

Definition population_flow (d : nat) (T : R) (a : R -> R) (w : nat -> R -> R) : Prop :=
  forall t, 0 <= t < T ->
    let r := norm d (at_time w t) in
    let th := angle d (at_time w t) in
    0 < r /\
    is_derive a t (r * g th - a t * (r * r) / 2) /\
    forall j, (j < d)%nat ->
      is_derive (w j) t (a t / (2 * PI) * ((PI - th) * e1 j + sin th * (w j t / r)) - a t * a t * w j t / 2).

(** The population risk [E (a relu(w . x) - relu(x_1))^2 / 2 = 1/4 + a^2 r^2 / 4 - a r g(theta)]. *)
Definition risk (d : nat) (a : R) (u : nat -> R) : R :=
  1 / 4 + (a * norm d u) * (a * norm d u) / 4 - a * norm d u * g (angle d u).

(** [||w_perp||^2] *)
Definition perp2 (d : nat) (u : nat -> R) : R := norm2 d u - u O * u O.

Lemma perp2_sum m u : perp2 (S m) u = sum m (fun j => u (S j) * u (S j)).
Proof. unfold perp2, norm2. rewrite sum_first. ring. Qed.

Lemma perp2_nonneg d u : (1 <= d)%nat -> 0 <= perp2 d u.
Proof.
  intros Hd. destruct d as [|m]; [lia|]. rewrite perp2_sum. apply sum_nonneg. intros. apply Rle_0_sqr.
Qed.

Lemma radius_norm d u : radius (u O) (perp2 d u) = norm d u.
Proof. unfold radius, norm. f_equal. unfold perp2. ring. Qed.

Lemma theta_angle d u : theta (u O) (perp2 d u) = angle d u.
Proof. unfold theta, angle. now rewrite radius_norm. Qed.

Lemma nonzero_norm d u : 0 < norm d u -> 0 < u O * u O + perp2 d u.
Proof.
  intros H. replace (u O * u O + perp2 d u) with (norm2 d u) by (unfold perp2; ring).
  rewrite <- norm_square. now apply Rmult_lt_0_compat.
Qed.

Lemma plane_radius d w t : radius (w O t) (perp2 d (at_time w t)) = norm d (at_time w t).
Proof. apply (radius_norm d (at_time w t)). Qed.

Lemma plane_theta d w t : theta (w O t) (perp2 d (at_time w t)) = angle d (at_time w t).
Proof. apply (theta_angle d (at_time w t)). Qed.

(** ** From [R^d] to the plane *)
Section Reduction.
  Variables (d : nat) (T : R) (a : R -> R) (w : nat -> R -> R).
  Hypothesis Hd : (1 <= d)%nat.
  Hypothesis HT : 0 < T.
  Hypothesis F : population_flow d T a w.

  Lemma perp2_derive t : 0 <= t < T ->
    is_derive (fun s => perp2 d (at_time w s)) t
      (V_speed (a t) (norm d (at_time w t)) (angle d (at_time w t)) (perp2 d (at_time w t))).
  Proof.
    intros Ht. destruct (F t Ht) as [Hr [_ Hw]].
    set (r := norm d (at_time w t)) in *. set (th := angle d (at_time w t)) in *.
    unfold perp2. evar_last.
    { apply @is_derive_minus.
      - apply (is_derive_norm2 d w (fun j =>
          a t / (2 * PI) * ((PI - th) * e1 j + sin th * (w j t / r)) - a t * a t * w j t / 2) t). exact Hw.
      - apply (is_derive_square (w O)). apply Hw. lia. }
    unfold minus, plus, opp; simpl. unfold V_speed. destruct d as [|m]; [lia|].
    change (norm2 (S m) (at_time w t) - at_time w t O * at_time w t O) with (perp2 (S m) (at_time w t)).
    rewrite perp2_sum, sum_first. unfold at_time.
    rewrite (sum_ext m _ (fun j => (a t * sin th / (2 * PI * r) - a t * a t / 2) * (w (S j) t * w (S j) t))).
    - rewrite sum_scal. unfold e1. ring.
    - intros j _. unfold e1. generalize PI_RGT_0. intros. field. lra.
  Qed.

  (** The change of time [[0, oo) -> [0, T)] *)
  Definition clock (t : R) : R := T * t / (1 + t).

  Lemma clock_range t : 0 <= t -> 0 <= clock t < T.
  Proof.
    intros Ht. unfold clock. split; [apply Rdiv_le_0_compat; nra|].
    apply Rlt_div_l; nra.
  Qed.

  Lemma clock_inverse t : 0 <= t < T -> 0 <= t / (T - t) /\ clock (t / (T - t)) = t.
  Proof.
    intros Ht. split; [apply Rdiv_le_0_compat; lra|]. unfold clock. field. lra.
  Qed.

  Lemma clock_0 : clock 0 = 0.
  Proof. unfold clock. field. Qed.

  Lemma clock_derive t : 0 <= t -> is_derive clock t (T / ((1 + t) * (1 + t))).
  Proof. intros Ht. unfold clock. auto_derive; [lra|]. field. lra. Qed.

  Lemma clock_comp (f : R -> R) (l t : R) : 0 <= t -> is_derive f (clock t) l ->
    is_derive (fun s => f (clock s)) t (T / ((1 + t) * (1 + t)) * l).
  Proof. intros Ht H. apply (is_derive_comp f clock); [trivial|now apply clock_derive]. Qed.

  Lemma clocked_plane_flow :
    plane_flow (fun t => T / ((1 + t) * (1 + t))) (fun t => a (clock t)) (fun t => w O (clock t))
      (fun t => perp2 d (at_time w (clock t))).
  Proof.
    constructor.
    - intros t Ht. apply Rdiv_lt_0_compat; nra.
    - intros U HU. exists T. intros t Ht.
      assert (0 < (1 + t) * (1 + t)) by nra.
      rewrite Rabs_pos_eq by (apply Rdiv_le_0_compat; lra). apply Rle_div_l; nra.
    - intros t Ht. now apply perp2_nonneg.
    - intros t Ht. apply (nonzero_norm d (at_time w (clock t))). now apply F, clock_range.
    - intros t Ht. apply clock_comp; trivial.
      rewrite plane_radius, plane_theta. now apply F, clock_range.
    - intros t Ht. apply (clock_comp (w O)); trivial.
      destruct (F (clock t) (clock_range t Ht)) as [Hr [_ Hw]].
      generalize (Hw O ltac:(lia)). rewrite plane_theta.
      assert (0 <= perp2 d (at_time w (clock t))) as HV by now apply perp2_nonneg.
      generalize (cos_theta _ _ HV (nonzero_norm _ _ Hr)).
      rewrite radius_norm, theta_angle. intros E. unfold p_speed, e1.
      replace (w O (clock t) / norm d (at_time w (clock t))) with (cos (angle d (at_time w (clock t)))) by exact E.
      now rewrite Rmult_1_r.
    - intros t Ht. apply (clock_comp (fun s => perp2 d (at_time w s))); trivial.
      rewrite plane_radius, plane_theta. now apply perp2_derive, clock_range.
  Qed.
End Reduction.

(** ** The theorems, on [[0, T)] *)
Section Theorems.
  Variables (d : nat) (T : R) (a : R -> R) (w : nat -> R -> R).
  Hypothesis Hd : (1 <= d)%nat.
  Hypothesis F : population_flow d T a w.

  Let r (t : R) : R := norm d (at_time w t).
  Let th (t : R) : R := angle d (at_time w t).

  (** To prove something at a time [t < T] for trajectories in the plane is enough. *)
  Local Ltac to_plane t Ht :=
    let HT := fresh "HT" in
    assert (0 < T) as HT by lra;
    generalize (clocked_plane_flow d T a w Hd HT F);
    let Hs := fresh "Hs" in let Es := fresh "Es" in
    destruct (clock_inverse T HT t Ht) as [Hs Es].

  (** (i) T1: [a^2 - ||w||^2] is constant. *)
  Theorem population_conservation t : 0 <= t < T ->
    a t * a t - norm2 d (at_time w t) = a 0 * a 0 - norm2 d (at_time w 0).
  Proof.
    intros Ht. rewrite <- !norm_square. to_plane t Ht. intros G.
    generalize (plane_conservation _ _ _ _ G _ Hs). rewrite Es, clock_0, !plane_radius. trivial.
  Qed.

  Lemma interior_perp t : 0 <= t < T -> 0 < th t < PI <-> 0 < perp2 d (at_time w t).
  Proof.
    intros Ht. destruct (F t Ht) as [Hr _].
    generalize (perp2_nonneg d (at_time w t) Hd) (nonzero_norm _ _ Hr). intros HV HR.
    unfold th. rewrite <- plane_theta. split; intros H; [|now apply theta_pos].
    rewrite <- (r_sin_sq _ _ HV HR). rewrite radius_norm.
    assert (0 < sin (theta (w O t) (perp2 d (at_time w t)))) by (apply sin_gt_0; lra).
    repeat apply Rmult_lt_0_compat; trivial.
  Qed.

  (** (ii) [theta] stays in [(0, PI)], ... *)
  Theorem theta_stays_interior : 0 < th 0 < PI -> forall t, 0 <= t < T -> 0 < th t < PI.
  Proof.
    intros H0 t Ht. apply interior_perp in H0; [|lra]. to_plane t Ht. intros G.
    generalize (th_stays_inside _ _ _ _ G). rewrite clock_0. intros K.
    specialize (K H0 _ Hs). rewrite Es, plane_theta in K. exact K.
  Qed.

  (** ... below [PI], ... *)
  Theorem theta_stays_below_PI : th 0 < PI -> forall t, 0 <= t < T -> th t < PI.
  Proof.
    intros H0 t Ht. to_plane t Ht. intros G.
    generalize (th_stays_below_PI _ _ _ _ G). rewrite clock_0, plane_theta. intros K.
    specialize (K H0 _ Hs). rewrite Es, plane_theta in K. exact K.
  Qed.

  (** ... and at [PI], where [w_1 < 0] for ever. *)
  Theorem theta_stays_PI : th 0 = PI -> forall t, 0 <= t < T -> th t = PI /\ w O t < 0.
  Proof.
    intros H0 t Ht. to_plane t Ht. intros G.
    generalize (th_stays_PI _ _ _ _ G). rewrite clock_0, plane_theta. intros K.
    specialize (K H0 _ Hs). rewrite Es, plane_theta in K. exact K.
  Qed.

  (** It decreases strictly while [a > 0] ... *)
  Theorem theta_decreases : 0 < th 0 < PI -> forall s t, 0 <= s -> s < t -> t < T ->
    (forall u, s < u < t -> 0 < a u) -> th t < th s.
  Proof.
    intros H0 s t Hs Hst Ht Ha. assert (0 < T) as HT by lra.
    apply interior_perp in H0; [|lra].
    destruct (clock_inverse T HT s) as [Hs1 Es]; [lra|]. destruct (clock_inverse T HT t) as [Ht1 Et]; [lra|].
    generalize (clocked_plane_flow d T a w Hd HT F). intros G.
    generalize (th_decreases _ _ _ _ G). rewrite clock_0. intros K.
    assert (forall u v, 0 <= u < v -> clock T u < clock T v) as Hmono.
    { intros u v Huv. apply (derive_pos_lt (clock T) (fun t => T / ((1 + t) * (1 + t)))); [lra| |].
      - intros x Hx. apply clock_derive; lra.
      - intros x Hx. apply Rdiv_lt_0_compat; nra. }
    assert (s / (T - s) < t / (T - t)) as Hord.
    { apply Rnot_le_lt. intros [Hlt|E].
      - assert (clock T (t / (T - t)) < clock T (s / (T - s))) by (apply Hmono; lra). lra.
      - rewrite E in Et. lra. }
    specialize (K H0 (s / (T - s)) (t / (T - t)) (conj Hs1 Hord)).
    rewrite Es, Et, !plane_theta in K. apply K.
    intros u Hu. apply Ha. rewrite <- Es, <- Et. split; apply Hmono; lra.
  Qed.

  (** ... with [theta' = - (a / 2 PI r) (PI - theta) sin theta]. *)
  Theorem theta_derivative : 0 < th 0 < PI -> forall t, 0 <= t < T ->
    is_derive th t (- (a t / (2 * PI * r t) * ((PI - th t) * sin (th t)))).
  Proof.
    intros H0 t Ht. destruct (F t Ht) as [Hr _].
    apply interior_perp in H0; [|lra]. to_plane t Ht. intros G.
    set (u := t / (T - t)) in *.
    generalize (th_derive _ _ _ _ G). rewrite clock_0. intros K. specialize (K H0 u Hs).
    rewrite Es in K. unfold r, th. rewrite <- (plane_theta d w t), <- (plane_radius d w t).
    set (inv := fun s => s / (T - s)).
    assert (is_derive inv t (T / ((T - t) * (T - t)))) as Di.
    { unfold inv. auto_derive; [lra|]. field. lra. }
    apply (is_derive_ext_loc (fun s => theta (w O (clock T (inv s))) (perp2 d (at_time w (clock T (inv s)))))).
    { exists (mkposreal (T - t) ltac:(lra)). intros s Hs'. apply Rabs_def2 in Hs'.
      unfold minus, plus, opp in Hs'; simpl in Hs'. 
      assert (clock T (inv s) = s) as -> by (unfold clock, inv; field; lra).
      apply (theta_angle d (at_time w s)). }
    evar_last.
    { apply (is_derive_comp (fun u => theta (w O (clock T u)) (perp2 d (at_time w (clock T u)))) inv); [|exact Di].
      fold u in K. unfold inv. exact K. }
    unfold scal; simpl; unfold mult; simpl.
    match goal with |- ?k * (?s * ?x) = ?x' => transitivity (k * s * x); [ring|] end.
    assert (T / ((T - t) * (T - t)) * (T / ((1 + u) * (1 + u))) = 1) as ->; [|ring].
    unfold u. field. split; [lra|]. replace (T - t + t) with T by ring. lra.
  Qed.

  (** T3: while [a > 0] a non-positive [w_1] grows (unless [theta = PI]). *)
  Theorem w1_grows : th 0 < PI -> forall t, 0 <= t < T -> 0 < a t -> w O t <= 0 ->
    exists l, is_derive (w O) t l /\ 0 < l.
  Proof.
    intros H0 t Ht Ha Hw. destruct (F t Ht) as [Hr [_ D]].
    eexists. split; [apply D; lia|].
    generalize (perp2_nonneg d (at_time w t) Hd) (nonzero_norm _ _ Hr). intros HV HR.
    generalize (w1_speed_pos (at_time w t O) (perp2 d (at_time w t)) (a t) Ha Hw) (cos_theta _ _ HV HR).
    rewrite radius_norm, theta_angle. fold (r t) (th t). unfold p_speed, e1, at_time. intros G E.
    rewrite <- E, Rmult_1_r. apply G. now apply theta_stays_below_PI.
  Qed.

  (** (iii) [a] crosses zero only upwards: its derivative there is positive, ... *)
  Theorem a_rises_at_zero : th 0 < PI -> forall t, 0 <= t < T -> a t = 0 ->
    exists l, is_derive a t l /\ 0 < l.
  Proof.
    intros H0 t Ht Ha. destruct (F t Ht) as [Hr [D _]]. eexists. split; [exact D|].
    rewrite Ha. fold (r t) (th t) in Hr |- *.
    assert (0 < g (th t)).
    { apply g_positive. split; [apply acos_bound|now apply theta_stays_below_PI]. }
    assert (0 < r t * g (th t)) by now apply Rmult_lt_0_compat. lra.
  Qed.

  (** ... hence [a >= 0] once gives [a > 0] ever after. *)
  Theorem a_crosses_only_upwards : th 0 < PI -> forall s t, 0 <= s -> s < t -> t < T -> 0 <= a s -> 0 < a t.
  Proof.
    intros H0 s t Hs Hst Ht Ha. apply Rnot_le_lt. intros Hle.
    assert (0 < T) as HT by lra.
    destruct (clock_inverse T HT s) as [Hs1 Es]; [lra|]. destruct (clock_inverse T HT t) as [Ht1 Et]; [lra|].
    generalize (clocked_plane_flow d T a w Hd HT F). intros G.
    assert (s / (T - s) < t / (T - t)) as Hord.
    { apply (Rmult_lt_reg_r ((T - s) * (T - t))); [nra|].
      replace (s / (T - s) * ((T - s) * (T - t))) with (s * (T - t)) by (field; lra).
      replace (t / (T - t) * ((T - s) * (T - t))) with (t * (T - s)) by (field; lra). nra. }
    generalize (a_crosses_upwards _ _ _ _ G). rewrite clock_0, plane_theta. intros K.
    specialize (K H0 _ _ (conj Hs1 Hord)). rewrite Es, Et in K. specialize (K Ha). lra.
  Qed.

  (** (iv) T5: the sparse basin [B = {w_1 > 0, a > - w_1}] is forward invariant (in every [d >= 1]). *)
  Theorem sparse_basin_invariant : sparse_basin (a 0) (w O 0) ->
    forall t, 0 <= t < T -> sparse_basin (a t) (w O t).
  Proof.
    intros H0 t Ht. to_plane t Ht. intros G.
    generalize (plane_sparse_basin_invariant _ _ _ _ G). rewrite clock_0. intros K.
    specialize (K H0 _ Hs). rewrite Es in K. exact K.
  Qed.

  (** (v) T4, outside: from [a0 <= - ||w0||] on, [a <= - ||w|| < 0] and [a <= - sqrt c] as long as [w <> 0]; ... *)
  Theorem outside_a_negative : a 0 <= - r 0 -> forall t, 0 <= t < T ->
    a t < 0 /\ a t <= - r t /\ a t <= - sqrt (a 0 * a 0 - norm2 d (at_time w 0)).
  Proof.
    intros H0 t Ht. rewrite <- norm_square. to_plane t Ht. intros G.
    generalize (plane_outside _ _ _ _ G). rewrite clock_0, plane_radius. intros K.
    specialize (K H0 _ Hs). rewrite Es, plane_radius in K. exact K.
  Qed.

  (** ... the signs of the teacher are never reached, and the risk never falls below that of the zero function. *)
  Corollary outside_never_right_signs : a 0 <= - r 0 -> forall t, 0 <= t < T ->
    ~ (0 < w O t /\ 0 < a t * w O t).
  Proof. intros H0 t Ht [H1 H2]. destruct (outside_a_negative H0 t Ht) as [H _]. nra. Qed.

  Corollary outside_risk : a 0 <= - r 0 -> forall t, 0 <= t < T -> 1 / 4 <= risk d (a t) (at_time w t).
  Proof.
    intros H0 t Ht. destruct (outside_a_negative H0 t Ht) as [H _]. destruct (F t Ht) as [Hr _].
    generalize (perp2_nonneg d (at_time w t) Hd) (nonzero_norm _ _ Hr). intros HV HR.
    generalize (risk_outside _ _ HR (a t)). rewrite radius_norm, theta_angle. intros K. apply K. lra.
  Qed.

  (** L2, L3, L13: in finite time nothing blows up, and the kink [w = 0] is approached only by trajectories on
      the axis, [theta0 = 0], with [a0 <= - ||w0||].  (So every other trajectory can always be continued, and the
      global ones of [Basin] are all but those.) *)
  Theorem confined : 0 < T -> - r 0 < a 0 \/ th 0 <> 0 -> exists m M, 0 < m /\
    forall t, 0 <= t < T -> m <= r t <= M /\ Rabs (a t) <= M.
  Proof.
    intros HT Hcase. generalize (clocked_plane_flow d T a w Hd HT F). intros G.
    assert (forall t, 0 <= t -> 0 <= clock T t <= T) as HC by (intros t Ht; generalize (clock_range T HT t Ht); lra).
    generalize (square_sum_bound _ _ _ _ (clock T) T G (fun t Ht => clock_derive T t Ht) (clock_0 T) HC).
    assert (exists m, 0 < m /\ forall t, 0 <= t ->
      m <= radius (w O (clock T t)) (perp2 d (at_time w (clock T t)))) as [m [Hm Hlow]].
    { assert (0 <= th 0 <= PI) as B by (unfold th; rewrite <- plane_theta; apply theta_bounds).
      destruct (Rlt_le_dec (- r 0) (a 0)) as [Ha|Ha]; [|destruct (Req_dec (th 0) PI) as [E|Hne]].
      - apply (r_bounded_below _ _ _ _ (clock T) T G (fun t Ht => clock_derive T t Ht) (clock_0 T) HC).
        now rewrite clock_0, plane_radius.
      - apply (r_bounded_below_opposite _ _ _ _ (clock T) T G (fun t Ht => clock_derive T t Ht) (clock_0 T) HC).
        now rewrite clock_0, plane_theta.
      - apply (r_bounded_below_off_axis _ _ _ _ (clock T) T G (fun t Ht => clock_derive T t Ht) (clock_0 T) HC).
        rewrite clock_0. apply interior_perp; [lra|]. destruct Hcase; lra. }
    rewrite clock_0, plane_radius. intros U.
    set (S := a 0 * a 0 + r 0 * r 0 + T / 2). exists m, (sqrt S). split; trivial. intros t Ht.
    destruct (clock_inverse T HT t Ht) as [Hs Es]. specialize (Hlow _ Hs). specialize (U _ Hs).
    rewrite Es, plane_radius in Hlow, U. fold (r 0) in U. fold (r t) in Hlow, U. fold S in U.
    assert (0 <= a t * a t) by apply Rle_0_sqr. assert (0 <= r t * r t) by apply Rle_0_sqr.
    repeat split; trivial.
    - rewrite <- (sqrt_square (r t)) by apply norm_nonneg. apply sqrt_le_1_alt. lra.
    - rewrite <- (sqrt_Rsqr_abs (a t)). apply sqrt_le_1_alt. unfold Rsqr. lra.
  Qed.
End Theorems.
