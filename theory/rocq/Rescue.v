(** * Rescue: from [- r0 < a0 < 0] the output weight [a] reaches 0, with [theta < PI]  (lemma L11 of T4) *)
From Coq Require Import Reals Lra.
From Coquelicot Require Import Coquelicot.
From Signescape Require Import Flow Filippov Trig Angle Plane PlaneFlow.
Open Scope R_scope.

Section Global.
  Variables a p V : R -> R.
  Hypothesis F : plane_flow (fun _ => 1) a p V.

  Let r (t : R) : R := radius (p t) (V t).
  Let th (t : R) : R := theta (p t) (V t).
  Let c : R := a 0 * a 0 - r 0 * r 0.

  Let Hrp : forall t, 0 <= t -> 0 < r t := r_pos _ a p V F.
  Let Hth t : 0 <= th t <= PI := theta_bounds (p t) (V t).
  Let Hcos : forall t, 0 <= t -> cos (th t) = p t / r t := cos_th _ a p V F.
  Let Hc : forall t, 0 <= t -> a t * a t - r t * r t = c := plane_conservation _ a p V F.
  Let Da : forall t, 0 <= t -> is_derive a t (r t * g (th t) - a t * (r t * r t) / 2) := unit_a_derive a p V F.
  Let Dcos : forall t, 0 <= t ->
    is_derive (fun u => p u / r u) t (a t / (2 * PI * r t) * ((PI - th t) * (sin (th t) * sin (th t))))
    := unit_cos_derive a p V F.
  Let Hsin : forall t, 0 <= t -> sin (th t) * sin (th t) = (1 - p t / r t) * (1 + p t / r t)
    := unit_sin_square a p V F.
  Let Hratio : forall t, 0 <= t -> -1 <= p t / r t <= 1 := unit_ratio a p V F.

  (** ** L11: from [- r0 < a0 < 0] on, [a] reaches 0 while [theta] stays away from [PI]. *)
  Section Rescue.
    Hypothesis Hneg : forall t, 0 <= t -> a t < 0.
    Hypothesis Hth0 : th 0 < PI.
    Hypothesis Hcneg : c < 0.

    Let k : R := sqrt (- c).

    Lemma k_pos : 0 < k.
    Proof. apply sqrt_lt_R0. lra. Qed.

    Lemma k_sq : k * k = - c.
    Proof. apply sqrt_sqrt. lra. Qed.

    Lemma r_ge_k t : 0 <= t -> k <= r t.
    Proof.
      intros Ht. generalize k_pos k_sq (Hrp t Ht) (Hc t Ht). intros.
      apply Rnot_lt_le. intros Hlt. nra.
    Qed.

    (** [a' >= - (k^2 / 2) a] *)
    Lemma a_rises t : 0 <= t -> k * k / 2 * (- a t) <= r t * g (th t) - a t * (r t * r t) / 2.
    Proof.
      intros Ht. generalize k_pos (r_ge_k t Ht) (Hneg t Ht) (g_nonneg (th t) (Hth t)) (Hrp t Ht). intros.
      assert (0 <= r t * g (th t)) by (apply Rmult_le_pos; lra).
      assert (k * k <= r t * r t) by nra.
      assert (k * k * (- a t) <= r t * r t * (- a t)) by (apply Rmult_le_compat_r; lra). lra.
    Qed.

    Let z (t : R) : R := 1 + p t / r t.

    (** [(1 + cos theta) exp ((2 / k^3) a)] never falls: the derivative of the exponent, [>= - a / k], beats that of
        [1 + cos theta], [>= (a / r) (1 + cos theta)]. *)
    Lemma rescue_monotone t : 0 <= t ->
      z 0 * exp (2 / (k * k * k) * a 0) <= z t * exp (2 / (k * k * k) * a t).
    Proof.
      intros Ht. set (K := 2 / (k * k * k)). generalize k_pos. intros Hk.
      assert (0 < K) as HK. { unfold K. apply Rdiv_lt_0_compat; [lra|]. repeat apply Rmult_lt_0_compat; trivial. }
      set (z' := fun u => a u / (2 * PI * r u) * ((PI - th u) * (sin (th u) * sin (th u)))).
      set (a' := fun u => r u * g (th u) - a u * (r u * r u) / 2).
      apply (derive_nonneg_le (fun u => z u * exp (K * a u))
        (fun u => z' u * exp (K * a u) + z u * (K * a' u * exp (K * a u)))); trivial.
      - intros u Hu. apply (is_derive_mult' z (fun u => exp (K * a u))).
        + unfold z. apply (is_derive_eq _ _ (0 + z' u)); [|ring].
          apply (is_derive_plus' (fun _ => 1) (fun v => p v / r v)); [apply @is_derive_const|apply Dcos; lra].
        + apply (is_derive_eq _ _ (K * a' u * exp (K * a u))); [|ring].
          apply (is_derive_comp exp (fun v => K * a v) u (exp (K * a u)) (K * a' u)); [apply is_derive_exp|].
          apply (is_derive_scal a u K). apply Da; lra.
      - intros u Hu. assert (0 <= u) as Hu0 by lra.
        generalize (Hneg u Hu0) (Hrp u Hu0) (r_ge_k u Hu0) (Hth u) (Hratio u Hu0) (a_rises u Hu0) PI_RGT_0
          (exp_pos (K * a u)). intros A R1 R2 T1 C1 A2 HP E.
        fold (a' u) in A2.
        assert (0 <= z u) as Hz by (unfold z; lra).
        assert (a u / k * z u <= z' u) as Hz'.
        { unfold z'. rewrite (Hsin u Hu0). fold (z u).
          replace (a u / (2 * PI * r u) * ((PI - th u) * ((1 - p u / r u) * z u)))
            with (- ((- a u) * z u * (((PI - th u) * (1 - p u / r u)) / (2 * PI) / r u))) by (field; lra).
          replace (a u / k * z u) with (- ((- a u) * z u * / k)) by (field; lra).
          apply Ropp_le_contravar. apply Rmult_le_compat_l; [apply Rmult_le_pos; lra|].
          assert ((PI - th u) * (1 - p u / r u) <= PI * 2) as B by (apply Rmult_le_compat; lra).
          assert ((PI - th u) * (1 - p u / r u) / (2 * PI) <= 1) as B1.
          { apply Rle_div_l; lra. }
          assert (/ r u <= / k) as B2 by (apply Rinv_le_contravar; lra).
          assert (0 < / r u) by (apply Rinv_0_lt_compat; lra).
          unfold Rdiv at 1. apply Rle_trans with (1 * / r u); [apply Rmult_le_compat_r; lra|lra]. }
        assert (- (a u / k) <= K * a' u) as HKa.
        { apply Rle_trans with (K * (k * k / 2 * (- a u))); [|apply Rmult_le_compat_l; lra].
          unfold K. right. field. lra. }
        replace (z' u * exp (K * a u) + z u * (K * a' u * exp (K * a u)))
          with (exp (K * a u) * (z' u + z u * (K * a' u))) by ring.
        apply Rmult_le_pos; [lra|].
        assert (z u * - (a u / k) <= z u * (K * a' u)) by (apply Rmult_le_compat_l; lra). lra.
    Qed.

    Lemma rescue_contradiction : False.
    Proof.
      generalize k_pos PI_RGT_0. intros Hk HP. set (K := 2 / (k * k * k)).
      assert (0 < K) as HK. { unfold K. apply Rdiv_lt_0_compat; [lra|]. repeat apply Rmult_lt_0_compat; trivial. }
      assert (0 < z 0) as Hz0.
      { unfold z. rewrite <- Hcos by lra. generalize (Hth 0). intros T0.
        assert (cos PI < cos (th 0)) by (apply cos_decreasing_1; lra). rewrite cos_PI in H. lra. }
      set (zm := z 0 * exp (K * a 0)).
      assert (0 < zm) as Hzm. { apply Rmult_lt_0_compat; [trivial|apply exp_pos]. }
      assert (forall t, 0 <= t -> zm <= z t) as Hz.
      { intros t Ht. apply Rle_trans with (z t * exp (K * a t)); [now apply rescue_monotone|].
        rewrite <- (Rmult_1_r (z t)) at 2. apply Rmult_le_compat_l; [unfold z; generalize (Hratio t Ht); lra|].
        rewrite <- exp_0. generalize (Hneg t Ht). intros. left. apply exp_increasing. nra. }
      assert (zm <= 2) as Hzm2. { generalize (Hz 0 (Rle_refl 0)) (Hratio 0 (Rle_refl 0)). unfold z. lra. }
      set (tm := acos (zm - 1)).
      assert (cos tm = zm - 1) as Etm by (apply cos_acos; lra).
      assert (0 <= tm <= PI) as Btm by apply acos_bound.
      assert (tm < PI) as Htm. { apply cos_lt_iff; try lra. rewrite cos_PI. lra. }
      assert (forall t, 0 <= t -> th t <= tm) as Hle.
      { intros t Ht. apply cos_le_iff; trivial. rewrite Etm, Hcos by trivial. generalize (Hz t Ht). unfold z. lra. }
      set (s := k * g tm).
      assert (0 < s) as Hs by (apply Rmult_lt_0_compat; [trivial|apply g_positive; lra]).
      set (t1 := - a 0 / s).
      assert (0 < t1) as Ht1. { apply Rdiv_lt_0_compat; trivial. generalize (Hneg 0 (Rle_refl 0)). lra. }
      assert (a 0 + s * 0 * 0 <= a t1 - s * t1) as G.
      { apply Rle_trans with (a 0 - s * 0); [lra|].
        apply (derive_nonneg_le (fun u => a u - s * u) (fun u => r u * g (th u) - a u * (r u * r u) / 2 - s * 1)); [lra| |].
        - intros u Hu. apply is_derive_minus'; [apply Da; lra|].
          apply (is_derive_scal (fun x => x) u s 1). apply @is_derive_id.
        - intros u Hu. assert (0 <= u) as Hu0 by lra.
          generalize (Hneg u Hu0) (Hrp u Hu0) (r_ge_k u Hu0). intros A R1 R2.
          assert (g tm <= g (th u)) by (apply g_decreasing; [apply Hth|now apply Hle|lra]).
          assert (0 < g tm) by (apply g_positive; lra).
          assert (k * g tm <= r u * g (th u)) by (apply Rmult_le_compat; lra).
          assert (0 <= - a u * (r u * r u)) by (apply Rmult_le_pos; nra).
          unfold s. lra. }
      assert (s * t1 = - a 0) as E by (unfold t1; field; lra).
      generalize (Hneg t1 (Rlt_le _ _ Ht1)). lra.
    Qed.
  End Rescue.

  Lemma a_becomes_nonnegative : - r 0 < a 0 -> th 0 < PI -> exists t, 0 <= t /\ 0 <= a t.
  Proof.
    intros Ha Ht. destruct (Classical_Prop.classic (exists t, 0 <= t /\ 0 <= a t)) as [|N]; trivial. exfalso.
    assert (forall t, 0 <= t -> a t < 0) as Hneg.
    { intros t Ht'. apply Rnot_le_lt. intros Hle. apply N. now exists t. }
    apply rescue_contradiction; trivial. unfold c. generalize (Hneg 0 (Rle_refl 0)). nra.
  Qed.
End Global.
