(** Written by check.py from claims.json: what every claimed theorem assumes. *)
From Signescape Require Conservation.
From Signescape Require Mobius.
From Signescape Require OneInputData.
From Signescape Require OneInput.
From Signescape Require OneInputExamples.
From Signescape Require OneInputLimits.
From Signescape Require Trig.
From Signescape Require Population.
From Signescape Require Basin.
From Signescape Require Examples.
From Signescape Require Nested.
From Signescape Require SignEscape.
From Signescape Require Necessity.

Print Assumptions Conservation.conservation.
Print Assumptions Mobius.logistic.
Print Assumptions OneInputData.empirical_flow_branches.
Print Assumptions OneInput.noise_free_learns_iff.
Print Assumptions OneInputData.noise_free_data_learns_iff.
Print Assumptions OneInput.balanced_learns_iff.
Print Assumptions OneInput.noise_free_sign_frozen.
Print Assumptions OneInputExamples.kink_not_unique.
Print Assumptions OneInputLimits.left_limit_pos.
Print Assumptions OneInputLimits.left_limit_neg.
Print Assumptions OneInputLimits.left_limit_zero.
Print Assumptions OneInputLimits.right_limit_balanced.
Print Assumptions OneInputLimits.right_dies.
Print Assumptions OneInput.learns_iff.
Print Assumptions OneInputData.data_learns_iff.
Print Assumptions OneInput.crosses_iff.
Print Assumptions Mobius.crossing_time.
Print Assumptions Mobius.mobius.
Print Assumptions Trig.I3.
Print Assumptions Trig.I4.
Print Assumptions Trig.I5.
Print Assumptions Trig.g_pos.
Print Assumptions Trig.pull_pos.
Print Assumptions Population.population_conservation.
Print Assumptions Population.theta_derivative.
Print Assumptions Population.theta_stays_interior.
Print Assumptions Population.theta_stays_below_PI.
Print Assumptions Population.theta_decreases.
Print Assumptions Population.w1_grows.
Print Assumptions Population.a_rises_at_zero.
Print Assumptions Population.a_crosses_only_upwards.
Print Assumptions Basin.basin_iff.
Print Assumptions Basin.basin_balanced.
Print Assumptions Basin.inside_converges.
Print Assumptions Basin.outside_never_learns.
Print Assumptions Population.outside_a_negative.
Print Assumptions Population.outside_risk.
Print Assumptions Basin.outside_limit_imbalanced.
Print Assumptions Basin.outside_limit_balanced.
Print Assumptions Examples.opposite_ray.
Print Assumptions Examples.logistic_population.
Print Assumptions Population.theta_stays_PI.
Print Assumptions Population.confined.
Print Assumptions Population.sparse_basin_invariant.
Print Assumptions Nested.nested_in_time.
Print Assumptions Nested.rewinding_nested.
Print Assumptions Nested.imp_implies_lrr.
Print Assumptions Nested.dense_iff_some_rewinding.
Print Assumptions Nested.escape_set.
Print Assumptions SignEscape.turning_time.
Print Assumptions SignEscape.sign_escape_time.
Print Assumptions Necessity.necessity.
Print Assumptions Necessity.necessity_any_loss.
Print Assumptions Necessity.output_nonpositive.
Print Assumptions Necessity.never_right_signs.
Print Assumptions Necessity.never_learns.
