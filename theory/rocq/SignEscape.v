(** * SignEscape: the time of the sign flip, balanced [a0 = ||w0||]  (claim T6) *)
From Coq Require Import Reals Lra Lia.
From Coquelicot Require Import Coquelicot.
From Signescape Require Import Flow AlmostEverywhere Filippov Conservation Vectors Necessity
  OneInputFlow OneInput OneInputLimits Trig Angle Plane PlaneFlow Population Convergence Basin.
Open Scope R_scope.

Section SignEscape.
  Variables (d : nat) (a : R -> R) (w : nat -> R -> R).
  Hypothesis Hd : (1 <= d)%nat.
  Hypothesis F : population_flow_global d a w.
  Hypothesis Hbal : a 0 = norm d (at_time w 0).
  Hypothesis Hth0 : 0 < angle d (at_time w 0) < PI.

  Let r (t : R) : R := norm d (at_time w t).
  Let th (t : R) : R := angle d (at_time w t).

  Definition escape_rate (x : R) : R := 2 * PI / ((PI - x) * sin x).

  Let before t : 0 <= t -> 0 <= t < t + 1.
  Proof. intros; lra. Qed.

  Let Hr t : 0 <= t -> 0 < r t.
  Proof. intros Ht. now apply (F (t + 1)), before. Qed.

  Let Hth t : 0 <= t -> 0 < th t < PI.
  Proof. intros Ht. now apply (theta_stays_interior d (t + 1) a w Hd (F (t + 1))), before. Qed.

  Lemma balanced_for_ever t : 0 <= t -> a t = r t.
  Proof.
    intros Ht. assert (0 < a t) as Ha.
    { destruct Ht as [Ht| <-]; [|rewrite Hbal; apply Hr; lra].
      apply (a_crosses_only_upwards d (t + 1) a w Hd (F (t + 1))) with (s := 0); try lra.
      rewrite Hbal. apply norm_nonneg. }
    generalize (population_conservation d (t + 1) a w Hd (F (t + 1)) t (before t Ht)).
    rewrite <- !norm_square, <- Hbal. fold (r t). generalize (Hr t Ht). intros. nra.
  Qed.

  Lemma th_derive_balanced t : 0 <= t -> is_derive th t (- / escape_rate (th t)).
  Proof.
    intros Ht. apply (is_derive_eq _ _ _ _ (theta_derivative d (t + 1) a w Hd (F (t + 1)) Hth0 t (before t Ht))).
    rewrite (balanced_for_ever t Ht). fold (r t) (th t). unfold escape_rate.
    generalize (Hr t Ht) (Hth t Ht) PI_RGT_0. intros R1 T1 HP.
    assert (0 < sin (th t)) by (apply sin_gt_0; lra). field. repeat split; lra.
  Qed.

  Lemma escape_rate_pos x : 0 < x < PI -> 0 < escape_rate x.
  Proof.
    intros Hx. unfold escape_rate. generalize PI_RGT_0. intros.
    assert (0 < sin x) by (apply sin_gt_0; lra).
    apply Rdiv_lt_0_compat; [lra|]. apply Rmult_lt_0_compat; lra.
  Qed.

  Lemma escape_rate_continuous x : 0 < x < PI -> continuous escape_rate x.
  Proof.
    intros Hx. apply @ex_derive_continuous. unfold escape_rate.
    assert (0 < sin x) by (apply sin_gt_0; lra). auto_derive. apply Rmult_integral_contrapositive. lra.
  Qed.

  Lemma escape_rate_integrable x y : 0 < x < PI -> 0 < y < PI -> ex_RInt escape_rate x y.
  Proof.
    intros Hx Hy. apply (ex_RInt_continuous escape_rate). intros z Hz. apply escape_rate_continuous.
    split; [apply Rlt_le_trans with (Rmin x y); [apply Rmin_pos; lra|lra]|
            apply Rle_lt_trans with (Rmax x y); [lra|apply Rmax_lub_lt; lra]].
  Qed.

  (** The time to turn from [theta0] to [theta(t)] is [2 PI int dtheta / ((PI - theta) sin theta)], whatever the scale. *)
  Theorem turning_time t : 0 <= t -> RInt escape_rate (th t) (th 0) = t.
  Proof.
    intros Ht.
    set (G := fun y => RInt escape_rate (th 0) y).
    assert (forall u, 0 <= u -> is_derive (fun v => G (th v) + v) u 0) as D.
    { intros u Hu. apply (is_derive_eq _ _ (- / escape_rate (th u) * escape_rate (th u) + 1)).
      - apply is_derive_plus'; [|apply @is_derive_id].
        apply (is_derive_comp G th u (escape_rate (th u)) (- / escape_rate (th u))); [|now apply th_derive_balanced].
        unfold G. apply (is_derive_RInt escape_rate (fun y => RInt escape_rate (th 0) y) (th 0)).
        + generalize (Hth u Hu). intros T1.
          exists (mkposreal (Rmin (th u) (PI - th u)) ltac:(apply Rmin_pos; lra)). intros y Hy.
          apply Rabs_def2 in Hy. unfold minus, plus, opp in Hy; simpl in Hy.
          generalize (Rmin_l (th u) (PI - th u)) (Rmin_r (th u) (PI - th u)). intros.
          apply (@RInt_correct R_CompleteNormedModule escape_rate (th 0) y).
          apply escape_rate_integrable; [apply Hth; lra|lra].
        + apply escape_rate_continuous. now apply Hth.
      - generalize (escape_rate_pos (th u) (Hth u Hu)). intros. field. lra. }
    assert (G (th t) + t = G (th 0) + 0) as E.
    { apply (derive_zero_const (fun v => G (th v) + v) (fun _ => 0)); trivial. intros u Hu. apply D; lra. }
    unfold G in E. rewrite RInt_point in E. unfold zero in E; simpl in E.
    rewrite <- (opp_RInt_swap escape_rate (th 0) (th t)) by (apply escape_rate_integrable; apply Hth; lra).
    unfold opp; simpl. lra.
  Qed.

  (** T6: [w_1] is positive exactly after [t* = 2 PI int_{PI/2}^{theta0} dtheta / ((PI - theta) sin theta)];
      at [t*] itself it is 0. *)
  Theorem sign_escape_time t : 0 <= t ->
    (0 < w O t <-> RInt escape_rate (PI / 2) (th 0) < t) /\
    (w O t = 0 <-> RInt escape_rate (PI / 2) (th 0) = t).
  Proof.
    intros Ht. generalize PI_RGT_0. intros HP.
    assert (0 < PI / 2 < PI) as Hh by lra. assert (0 < th 0 < PI) as H0 by (apply Hth; lra).
    generalize (Hth t Ht) (turning_time t Ht). intros T1 E.
    assert (RInt escape_rate (th t) (PI / 2) + RInt escape_rate (PI / 2) (th 0) = t) as C.
    { refine (eq_trans _ E). apply (RInt_Chasles escape_rate); now apply escape_rate_integrable. }
    assert (forall x y, 0 < x -> x < y -> y < PI -> 0 < RInt escape_rate x y) as Pos.
    { intros x y Hx Hxy Hy. apply RInt_gt_0; trivial.
      - intros z Hz. apply escape_rate_pos; lra.
      - intros z Hz. apply escape_rate_continuous; lra. }
    assert (w O t = r t * cos (th t)) as Ew.
    { destruct (F (t + 1) t (before t Ht)) as [Hrt _].
      generalize (r_cos _ _ (perp2_nonneg d (at_time w t) Hd) (nonzero_norm _ _ Hrt)).
      rewrite radius_norm, theta_angle. intros K. symmetry. exact K. }
    generalize (Hr t Ht). intros R1.
    destruct (Rtotal_order (th t) (PI / 2)) as [Hlt|[Heq|Hgt]].
    - assert (0 < cos (th t)) by (apply cos_gt_0; lra). assert (0 < w O t) by (rewrite Ew; now apply Rmult_lt_0_compat).
      generalize (Pos (th t) (PI / 2)). intros. split; split; lra.
    - rewrite Heq, RInt_point in C. unfold zero in C; simpl in C.
      rewrite Heq, cos_PI2, Rmult_0_r in Ew. split; split; lra.
    - assert (cos (th t) < 0) by (apply cos_lt_0; lra). assert (w O t < 0) by (rewrite Ew; nra).
      rewrite <- (opp_RInt_swap escape_rate) in C by now apply escape_rate_integrable. unfold opp in C; simpl in C.
      generalize (Pos (PI / 2) (th t)). intros. split; split; lra.
  Qed.
End SignEscape.
