"""*Daemon*: the health of one daemon, for the person on call."""

from grafana_foundation_sdk.builders import dashboard

from dashboards.panels import Query, board, choice, number, rows, series

_I = 'instance=~"$instance"'
_YES = {0: ("no", "red"), 1: ("yes", "green")}


def daemon() -> dashboard.Dashboard:
    """The dashboard."""
    made = board(
        "livetomo-daemon",
        "livetomo · Daemon",
        "What is wrong, and since when? The runbook says what to do.",
        choice("instance", "Daemon", "livetomo_ready"),
    )
    for panel in (
        number("Answers", "short", Query(f'min(up{{job="livetomo", {_I}}})'), words=_YES),
        number("Ready", "short", Query(f"min(livetomo_ready{{{_I}}})"), words=_YES, say="See /readyz for the reasons."),
        number(
            "Broker",
            "short",
            Query(f"min(livetomo_broker_connected{{{_I}}} or livetomo_broker_configured{{{_I}}} == 0)"),
            words=_YES,
        ),
        number(
            "Paused",
            "short",
            Query(f"max(livetomo_paused{{{_I}}})"),
            words={0: ("no", "green"), 1: ("yes", "orange")},
        ),
        number("Started", "dateTimeFromNow", Query(f"max(livetomo_start_timestamp_seconds{{{_I}}}) * 1000")),
        rows("Versions", Query(f"livetomo_build_info{{{_I}}}"), span=4, height=4),
        series(
            "Problems",
            "short",
            Query(
                f"sum by (kind, subject) (livetomo_problem{{{_I}}}) or on() vector(0)",
                "{{kind}} {{subject}}",
            ),
            say="What is wrong, and since when. The page of livetomo says it in sentences.",
            stacked=True,
            span=24,
        ),
        series(
            "Events that wait for the broker",
            "short",
            Query(f"livetomo_events_waiting{{{_I}}}", "{{instance}}"),
            say="Nothing is lost: the events are sent in order when the broker is back.",
        ),
        series(
            "Age of the oldest waiting event",
            "s",
            Query(
                f"(time() - livetomo_events_oldest_timestamp_seconds{{{_I}}})"
                f" * (livetomo_events_oldest_timestamp_seconds{{{_I}}} > bool 0)",
                "{{instance}}",
            ),
            limits=[("red", 300)],
        ),
        series(
            "Events acknowledged",
            "short",
            Query(f"sum by (kind) (increase(livetomo_events_acknowledged_total{{{_I}}}[5m]))", "{{kind}}"),
            say="Within five minutes.",
        ),
        series(
            "Messages refused or shortened",
            "short",
            Query(f"sum by (reason) (increase(livetomo_messages_refused_total{{{_I}}}[5m]))", "{{reason}}"),
            Query(f"increase(livetomo_messages_shortened_total{{{_I}}}[5m])", "shortened"),
            say="Messages within five minutes that the broker does not take, or takes only without some parts.",
        ),
        series(
            "Time since the last scan",
            "s",
            Query(
                f"(time() - livetomo_watch_last_scan_timestamp_seconds{{{_I}}})"
                f" * (livetomo_watch_last_scan_timestamp_seconds{{{_I}}} > bool 0)",
                "{{watch}}",
            ),
            say="For each watched folder.",
            limits=[("red", 900)],
        ),
        series(
            "Duration of a scan",
            "s",
            Query(f"livetomo_watch_scan_duration_seconds{{{_I}}}", "{{watch}}"),
            say="A rise means that the storage becomes slower.",
        ),
        series(
            "Scanning",
            "short",
            Query(f"livetomo_watch_scanning{{{_I}}}", "{{watch}}"),
            Query(f"increase(livetomo_watch_overflows_total{{{_I}}}[10m])", "{{watch}}, dropped events"),
        ),
        series(
            "Files",
            "short",
            Query(f"livetomo_watch_files{{{_I}}}", "{{watch}}"),
            Query(f"livetomo_watch_candidates{{{_I}}}", "{{watch}}, tomograms"),
            Query(f"livetomo_watch_settling{{{_I}}}", "{{watch}}, settling"),
        ),
        series(
            "Failed in a row",
            "short",
            Query(f"livetomo_watch_consecutive_failures{{{_I}}}", "{{watch}}"),
            say="Tomograms of a microscope that failed since the last success.",
            limits=[("red", 5)],
        ),
        series(
            "Share failed of the last twenty",
            "percentunit",
            Query(
                f"livetomo_watch_recent_failures{{{_I}}} / (livetomo_watch_recent_tomograms{{{_I}}} > 0)"
                " or on() vector(0)",
                "{{watch}}",
            ),
            limits=[("orange", 0.3)],
        ),
        series(
            "Time since the last file",
            "s",
            Query(
                f"(time() - livetomo_watch_last_file_timestamp_seconds{{{_I}}})"
                f" * (livetomo_watch_last_file_timestamp_seconds{{{_I}}} > bool 0)",
                "{{watch}}",
            ),
            Query(f"livetomo_watch_usual_interval_seconds{{{_I}}}", "{{watch}}, usually"),
            say="By the modification times of the files.",
        ),
        series(
            "Tomograms taken in, jobs begun",
            "short",
            Query(f"sum(increase(livetomo_arrivals_total{{{_I}}}[10m]))", "taken in"),
            Query(f"sum(increase(livetomo_rejected_total{{{_I}}}[10m]))", "of these, bad files"),
            Query(f"sum(increase(livetomo_attempts_total{{{_I}}}[10m]))", "jobs begun"),
            say="Within ten minutes.",
        ),
        series(
            "Failed attempts",
            "short",
            Query(f"sum by (kind) (increase(livetomo_failures_total{{{_I}}}[10m]))", "{{kind}}"),
            say="By the kind of the fault; only permanent faults are those of the file itself.",
            stacked=True,
        ),
        series(
            "Workers",
            "short",
            Query(f"sum by (state) (livetomo_workers{{{_I}}})", "{{state}}"),
            Query(
                f"sum by (device) (increase(livetomo_worker_restarts_total{{{_I}}}[10m]))",
                "{{device}} died",
            ),
        ),
        series(
            "Jobs in each stage",
            "short",
            Query(f"sum by (stage) (livetomo_stage_in_progress{{{_I}}})", "{{stage}}"),
            stacked=True,
        ),
        series(
            "Stages completed",
            "short",
            Query(f"sum by (stage) (increase(livetomo_stage_completed_total{{{_I}}}[10m]))", "{{stage}}"),
            Query(
                f"sum(increase(livetomo_stage_started_total{{{_I}}}[10m]))"
                f" - sum(increase(livetomo_stage_completed_total{{{_I}}}[10m]))",
                "began and not ended",
            ),
            say="Within ten minutes.",
        ),
        series(
            "Time since a stage was last completed",
            "s",
            Query(f"time() - max by (stage) (livetomo_stage_last_completed_timestamp_seconds{{{_I}}})", "{{stage}}"),
        ),
        series(
            "Waiting time of jobs",
            "s",
            Query(
                f"histogram_quantile(0.5, sum by (le) (rate(livetomo_job_wait_seconds_bucket{{{_I}}}[1h])))", "median"
            ),
            Query(
                f"histogram_quantile(0.95, sum by (le) (rate(livetomo_job_wait_seconds_bucket{{{_I}}}[1h])))", "95 %"
            ),
        ),
        series("Memory", "bytes", Query(f'process_resident_memory_bytes{{job="livetomo", {_I}}}', "{{instance}}")),
        series(
            "Processor",
            "percentunit",
            Query(f'rate(process_cpu_seconds_total{{job="livetomo", {_I}}}[5m])', "{{instance}}"),
        ),
        series("Open files", "short", Query(f'process_open_fds{{job="livetomo", {_I}}}', "{{instance}}")),
        series(
            "Disk",
            "bytes",
            Query(f"livetomo_disk_free_bytes{{{_I}}}", "{{disk}}, free"),
            Query(f"livetomo_disk_enough{{{_I}}}", "{{disk}}, enough to go on"),
        ),
    ):
        made.with_panel(panel)
    return made
