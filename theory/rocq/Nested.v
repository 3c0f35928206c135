(** * Nested: IMP's starts are inside WR(t)'s, and these inside LRR's  (claim T5) *)
From Coq Require Import Reals Lra Lia.
From Coquelicot Require Import Coquelicot.
From Signescape Require Import Flow AlmostEverywhere Filippov Conservation Vectors Necessity
  OneInputFlow OneInput OneInputLimits Trig Angle Plane PlaneFlow Population Convergence Basin.
Open Scope R_scope.

Section Global.
  Variables (d : nat) (a : R -> R) (w : nat -> R -> R).
  Hypothesis Hd : (1 <= d)%nat.
  Hypothesis F : population_flow_global d a w.

  Let before t : 0 <= t -> 0 <= t < t + 1.
  Proof. intros; lra. Qed.

  (** The point that a run is rewound to is in [B]: at time 0 IMP's, at time [t] that of WR(t). *)
  Definition rewinding_point_in_B (t : R) : Prop := sparse_basin (a t) (w O t).

  Theorem nested_in_time s t : 0 <= s <= t -> rewinding_point_in_B s -> rewinding_point_in_B t.
  Proof.
    intros Hst HB. unfold rewinding_point_in_B in *.
    assert (0 <= s) as Hs by lra.
    generalize (plane_flow_shift _ _ _ _ s Hs (plane_flow_global d a w Hd F)). intros G.
    generalize (plane_sparse_basin_invariant _ _ _ _ G). cbv beta. rewrite Rplus_0_r. intros K.
    specialize (K HB (t - s)). replace (s + (t - s)) with t in K by ring. apply K. lra.
  Qed.

  Theorem rewinding_implies_dense t : 0 <= t -> rewinding_point_in_B t -> learns a (w O) 1.
  Proof.
    intros Ht [Hp Ha]. apply (basin_iff d a w Hd F). split.
    - apply Rnot_le_lt. intros Hle.
      destruct (outside_a_negative d (t + 1) a w Hd (F (t + 1)) Hle t (before t Ht)) as [_ [K _]].
      assert (Rabs (w O t) <= norm d (at_time w t)) as K' by (apply (coordinate_le_norm d (at_time w t) O); lia).
      generalize (Rle_abs (w O t)). lra.
    - intros E. destruct (theta_stays_PI d (t + 1) a w Hd (F (t + 1)) E t (before t Ht)) as [_ K]. lra.
  Qed.

  Theorem dense_iff_some_rewinding : learns a (w O) 1 <-> exists t, 0 <= t /\ rewinding_point_in_B t.
  Proof.
    split; [|intros [t [Ht HB]]; now apply (rewinding_implies_dense t)].
    intros [_ [al [wl [La [Lw [Hwl E]]]]]].
    assert (0 < al) as Hal by (apply Rnot_le_lt; intros; nra).
    apply is_lim_spec in La. apply is_lim_spec in Lw.
    destruct (La (mkposreal al Hal)) as [A HA]. destruct (Lw (mkposreal wl Hwl)) as [W HW]. simpl in HA, HW.
    set (t := Rmax 0 (Rmax A W) + 1).
    generalize (Rmax_l 0 (Rmax A W)) (Rmax_r 0 (Rmax A W)) (Rmax_l A W) (Rmax_r A W). intros.
    assert (A < t) as H1' by (unfold t; lra). assert (W < t) as H2' by (unfold t; lra).
    specialize (HA t H1'). specialize (HW t H2'). apply Rabs_def2 in HA. apply Rabs_def2 in HW.
    exists t. split; [unfold t; lra|]. split; lra.
  Qed.
End Global.

(** ** Both phases: the dense one, [(a, w)], and the sparse ones it is rewound to.

    The sparse neuron on [e_1] (noise-free; any second moments [sp > 0], [sm >= 0] of the two branches, the
    population having [1/2] and [1/2]) is a Filippov flow; with weight [w_1 <> 0] at the start. *)
Section TwoPhases.
  Variables (d : nat) (a : R -> R) (w : nat -> R -> R) (sp sm : R).
  Hypothesis Hd : (1 <= d)%nat.
  Hypothesis F : population_flow_global d a w.
  Hypothesis Hsp : 0 < sp.
  Hypothesis Hsm : 0 <= sm.

  (** [(b, v)] is the sparse phase started from [(a0, v0)]. *)
  Definition sparse_phase (b v : R -> R) (a0 v0 : R) : Prop :=
    one_input_flow sp 1 sm 0 b v /\ b 0 = a0 /\ v 0 = v0 /\ v0 <> 0.

  Lemma sparse_learns_iff b v a0 v0 : sparse_phase b v a0 v0 -> (learns b v 1 <-> sparse_basin a0 v0).
  Proof.
    intros [G [E1 [E2 N]]]. subst. apply (noise_free_learns_iff sp sm); trivial.
  Qed.

  (** If the run rewound to [(a(s), w_1(s))] learns ([s = 0]: IMP), so does every run rewound to a later
      time [t] (WR(t), or LRR at [T = t]), and so does the dense phase itself. *)
  Theorem rewinding_nested b v b' v' s t : 0 <= s <= t ->
    sparse_phase b v (a s) (w O s) -> sparse_phase b' v' (a t) (w O t) ->
    learns b v 1 -> learns b' v' 1 /\ learns a (w O) 1.
  Proof.
    intros Hst P P' L. apply (sparse_learns_iff _ _ _ _ P) in L.
    assert (0 <= s) as Hs by lra. split.
    - apply (sparse_learns_iff _ _ _ _ P'). now apply (nested_in_time d a w Hd F s).
    - now apply (rewinding_implies_dense d a w Hd F s).
  Qed.

  (** IMP is inside LRR ... *)
  Corollary imp_implies_lrr b v : sparse_phase b v (a 0) (w O 0) -> learns b v 1 -> learns a (w O) 1.
  Proof.
    intros P L. apply (sparse_learns_iff _ _ _ _ P) in L.
    apply (rewinding_implies_dense d a w Hd F 0); trivial. lra.
  Qed.

  (** ... and LRR escapes where IMP is stuck: the escape set in closed form. *)
  Theorem escape_set b v : sparse_phase b v (a 0) (w O 0) ->
    (learns a (w O) 1 /\ ~ learns b v 1 <->
     (- norm d (at_time w 0) < a 0 /\ w O 0 <= 0 /\ angle d (at_time w 0) <> PI) \/
     (0 < w O 0 /\ - norm d (at_time w 0) < a 0 <= - w O 0)).
  Proof.
    intros P. rewrite (sparse_learns_iff _ _ _ _ P), (basin_iff d a w Hd F). unfold sparse_basin.
    destruct (F 1 0) as [Hr _]; [lra|].
    assert (0 < w O 0 -> angle d (at_time w 0) <> PI) as Hacute.
    { intros Hp E. generalize (theta_stays_PI d 1 a w Hd (F 1) E 0). intros K. destruct K as [_ K]; lra. }
    split.
    - intros [[H1 H2] H3]. destruct (Rle_lt_dec (w O 0) 0) as [H|H]; [left; auto|right].
      split; trivial. split; trivial. apply Rnot_lt_le. intros H4. apply H3. now split.
    - intros [[H1 [H2 H3]]|[H1 [H2 H3]]]; (split; [split|]); auto; lra.
  Qed.
End TwoPhases.
