"""G11: the 46 faults, each with the tests that hold its required behaviour."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping

from tests.reliability.goal import Goal, Outcome, Plan
from unibert_lib.runs import REPOSITORY

# Row -> tests below tests/. A row is met if it has tests, all of them are there, and all pass; a skipped one did not.
ROWS: dict[int, tuple[str, ...]] = {
    1: ("test_corpus_dumps.py::test_a_bz2_cut_mid_stream_keeps_the_completed_pages_and_says_where",),
    2: ("test_corpus_dumps.py::test_a_bz2_cut_exactly_between_streams_is_noticed",),
    3: ("test_corpus_dumps.py::test_garbage_after_the_end_is_ignored_with_a_warning_and_counted",),
    4: (
        "test_corpus_dumps.py::test_a_page_that_cannot_be_parsed_is_quarantined_and_the_next_one_read",
        "test_corpus_dumps.py::test_a_byte_that_is_not_utf8_costs_its_page_only",
    ),
    5: ("test_corpus_dumps.py::test_a_dtd_or_entity_declaration_is_refused",),
    6: (
        "test_corpus_dumps.py::test_memory_does_not_grow_with_a_remark_an_attribute_or_a_header",
        "test_corpus_dumps.py::test_what_of_a_page_has_no_end_in_sight_is_quarantined",
    ),
    7: ("test_corpus_dumps.py::test_a_page_over_the_cap_is_quarantined_and_only_its_head_is_kept",),
    8: (
        "test_corpus_filters.py::test_every_rule_takes_linear_time_on_unclosed_markup",
        "test_corpus_wikitext.py::test_time_is_linear_on_unclosed_and_nested_markup",
    ),
    9: (
        "test_corpus_filters.py::test_rule_4_removes_hidden_characters_and_keeps_joiners",
        "test_corpus_pipeline.py::test_lone_surrogates_cannot_stop_the_writing_where_rule_4_is_left_out",
    ),
    10: ("test_corpus_pipeline.py::test_a_page_id_that_comes_back_is_dropped_whatever_its_form",),
    11: ("test_corpus_pipeline.py::test_an_empty_language_is_listed_with_zero_and_can_be_read",),
    12: ("test_languages.py::test_an_unknown_code_is_refused_with_the_nearest_valid_one",),
    13: ("test_runs.py::test_the_same_name_with_another_configuration_is_an_error_that_names_the_difference",),
    14: ("test_tokens.py::test_lone_surrogates_are_replaced_and_other_text_is_left_alone",),
    15: ("test_slices.py::test_a_word_without_end_is_capped_and_what_follows_is_read",),
    16: (
        "test_pretrain.py::test_a_teacher_with_another_vocabulary_is_refused_before_step_0",
        "test_tokens.py::test_vocabularies_that_part_are_refused_with_the_first_id",
    ),
    17: (
        "test_tokens.py::test_a_hub_id_needs_a_pinned_commit",
        "test_task_data.py::test_an_unpinned_hub_id_is_refused_before_any_work",
        "test_tasks_sources.py::test_only_a_full_commit_pins",
    ),
    18: (
        "test_checkpoint.py::test_a_kill_before_the_rename_leaves_no_half_checkpoint",
        "test_pretrain.py::test_a_run_that_died_resumes_to_the_bit",
    ),
    19: ("test_checkpoint.py::test_a_damaged_checkpoint_is_passed_over_and_said_so",),
    20: ("test_checkpoint.py::test_any_flipped_bit_of_the_weights_is_found",),
    21: (
        "test_checkpoint.py::test_without_a_valid_one_it_is_an_error_and_no_silent_restart",
        "test_pretrain.py::test_without_a_valid_checkpoint_the_run_does_not_start_anew",
    ),
    22: (
        "test_checkpoint.py::test_a_full_disk_leaves_the_earlier_checkpoint_alone",
        "test_results.py::test_a_write_that_fails_leaves_the_file_as_it_was",
    ),
    23: (
        "test_runs.py::test_the_same_name_with_another_configuration_is_an_error_that_names_the_difference",
        "test_pretrain.py::test_another_machine_is_refused_unless_allowed",
    ),
    24: (
        "test_hub.py::test_a_hostile_model_is_an_error_and_nothing_of_it_runs",
        "test_checkpoint.py::test_a_pickle_whose_sum_is_right_is_passed_over",
    ),
    25: ("test_runs.py::test_a_second_process_is_refused_while_the_first_works",),
    26: (
        "test_pretrain.py::test_a_finished_run_is_not_run_again",
        "test_finetune.py::test_a_finished_cell_is_never_run_again",
    ),
    27: (
        "test_pretrain.py::test_a_loss_that_is_no_number_is_named_with_step_and_languages_and_the_last_good_state_stays",
    ),
    28: (
        "test_objective.py::test_a_batch_of_one_language_is_finite_in_every_mode",
        "test_objective.py::test_mlm_loss_without_a_masked_token_is_zero_and_differentiable",
        "test_pretrain.py::test_one_language_alone_and_batches_without_a_masked_token_stay_finite",
    ),
    29: (
        "test_pretrain.py::test_overflowing_gradients_are_skipped_counted_and_end_the_run",
        "test_pretrain.py::test_the_discriminators_own_overflow_is_counted_too",
    ),
    30: ("test_pretrain.py::test_a_collapsed_discriminator_is_warned_of",),
    31: (
        "test_tasks_conll.py::test_the_scheme_is_told_from_the_tags_and_becomes_iob2",
        "test_tasks_conll.py::test_line_endings_bom_trailing_spaces_and_a_missing_last_line_change_nothing",
        "test_tasks_conll.py::test_a_bad_sentence_leaves_training_and_stays_repaired_in_tests",
        "test_tasks_conll.py::test_missing_blank_lines_are_noticed_by_the_length",
        "test_tasks_conll.py::test_a_scheme_can_be_forced",
    ),
    32: (
        "test_tasks_encode.py::test_a_type_unseen_in_training_is_not_trained_on_and_counts_as_missed",
        "test_tasks_remarks.py::test_a_label_that_training_never_saw_is_told",
    ),
    33: (
        "test_tasks_xnli.py::test_contradictory_means_contradiction",
        "test_tasks_xnli.py::test_quotes_never_merge_rows",
    ),
    34: ("test_tasks_squad.py::test_an_answer_that_does_not_slice_is_never_found_again_elsewhere",),
    35: (
        "test_tasks_encode.py::test_windows_share_pieces_and_those_without_the_answer_point_at_cls",
        "test_tasks_encode.py::test_an_answer_cut_by_the_window_is_no_target_there",
        "test_tasks_remarks.py::test_an_answer_that_no_window_holds_is_counted",
    ),
    36: ("test_tasks_squad.py::test_repeated_ids_are_counted_and_never_merged",),
    37: (
        "test_tasks_remarks.py::test_a_scale_that_runs_the_other_way_is_refused",
        "test_tasks_similarity.py::test_the_same_text_twice_with_a_low_score_is_reported_as_a_turned_scale",
        "test_tasks_similarity.py::test_a_pair_without_a_score_on_the_scale_is_quarantined_in_every_split",
        "test_tasks_similarity.py::test_a_missing_article_costs_training_a_pair_and_a_test_none",
    ),
    38: (
        "test_tasks_mapa.py::test_a_line_that_is_no_record_is_quarantined_with_its_number",
        "test_tasks_remarks.py::test_bad_lines_are_told_file_by_file",
    ),
    39: (
        "test_finetune.py::test_data_that_stands_on_both_sides_is_refused",
        "test_tasks_remarks.py::test_a_test_record_that_stands_in_training_is_told",
    ),
    40: (
        "test_config.py::test_a_misspelt_parameter_is_refused_with_the_nearest_name",
        "test_config.py::test_bad_values_are_refused_and_named",
        "test_injected.py::test_code_and_names_that_are_taken_are_refused_with_their_line",
        "test_injected.py::test_a_hostile_parameter_file_runs_nothing_through_papermill_itself",
        "test_injected.py::test_only_plain_names_become_parameters",
    ),
    41: (
        "test_headless.py::test_a_kill_of_kernel_or_papermill_is_an_error_and_the_next_run_is_whole",
        "test_headless.py::test_a_copy_cut_off_in_the_middle_is_not_kept",
    ),
    42: (
        "test_results.py::test_no_cell_name_or_index_of_a_csv_is_a_formula",
        "test_notebooks.py::test_html_copies_hold_no_script_of_a_dump",
        "test_notebooks.py::test_html_copies_show_no_diagram_and_take_no_size_of_a_notebook",
        "test_notebooks.py::test_the_index_escapes_what_a_folder_name_may_hold",
    ),
    43: (
        "test_tasks_sources.py::test_an_archive_is_refused_and_nothing_of_it_is_unpacked",
        "test_tasks_sources.py::test_a_card_cannot_send_the_reader_elsewhere",
    ),
    44: (
        "test_hub.py::test_without_a_hub_the_cached_commit_loads_and_any_other_is_an_error_with_a_remedy",
        "test_tasks_sources.py::test_offline_the_remedy_is_named",
        "test_tokens.py::test_an_unreachable_hub_is_an_error_that_names_the_remedy",
    ),
    45: (
        "test_headless.py::test_braces_spaces_and_letters_of_any_script_in_a_path",
        "test_headless.py::test_the_project_works_in_a_folder_of_any_name",
    ),
    46: (
        "test_headless.py::test_a_stopped_demo_finishes_the_save_keeps_the_copy_and_says_so",
        "test_pretrain.py::test_a_signal_saves_after_the_step_at_hand_and_the_run_resumes_to_the_bit",
        "test_interrupts.py::test_a_shell_sees_the_usual_exit_status",
    ),
}
QUICK = (1, 5, 12, 33, 34, 42)  # seconds; the tests themselves run all of them


def outcomes(plan: Plan, rows: Mapping[int, tuple[str, ...]], broken: bool = False) -> dict[str, str]:
    """What came of each test, in one pytest run; a test that is not there has no outcome."""
    chosen = plan.folder / "chosen.json"
    names = sorted({name for tests in rows.values() for name in tests})
    chosen.write_text(json.dumps(names), encoding="utf-8")
    environment = {**os.environ, "UNIBERT_CHOSEN": str(chosen)} | ({"UNIBERT_BREAK": "1"} if broken else {})
    files = [
        path for path in sorted({f"tests/{name.split('::')[0]}" for name in names}) if (REPOSITORY / path).exists()
    ]
    options = ["-q", "-n", "0", "-p", "no:cacheprovider", "-p", "tests.reliability.chosen", "--no-header"]
    command = [sys.executable, "-m", "pytest", *options, f"--basetemp={plan.folder / 'tmp'}", *files]
    subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, check=False)
    told = chosen.with_suffix(".outcomes.json")
    found: dict[str, str] = json.loads(told.read_text(encoding="utf-8")) if told.exists() else {}
    return found


def check(plan: Plan) -> Outcome:
    rows = {row: tests for row, tests in ROWS.items() if not plan.quick or row in QUICK}
    return judged(rows, outcomes(plan, rows))


def judged(rows: Mapping[int, tuple[str, ...]], found: Mapping[str, str]) -> Outcome:
    wrong = {
        row: [f"{name}: {found.get(name, 'not there')}" for name in tests if found.get(name) != "passed"] or ["no test"]
        for row, tests in rows.items()
        if not tests or any(found.get(name) != "passed" for name in tests)
    }
    failures = tuple(f"row {row}: {', '.join(reasons)}" for row, reasons in wrong.items())
    figures = {"rows": len(rows), "rows met": len(rows) - len(wrong), "tests": len(found)}
    return Outcome(not wrong, figures, failures)


def control(plan: Plan) -> Outcome:
    """Row 42 broken, and a row without a test: each alone must be noticed."""
    broken = judged({42: ROWS[42][:1]}, outcomes(plan, {42: ROWS[42][:1]}, broken=True))
    untested = judged({47: ()}, {})
    return Outcome(broken.met or untested.met, {"broken met": broken.met, "untested met": untested.met})


GOALS = (
    Goal("G11", "the 46 faults, each with its required behaviour", check, control, "row 42, and a row without a test"),
)
