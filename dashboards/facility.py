"""*Facility*: all microscopes and devices side by side."""

from grafana_foundation_sdk.builders import dashboard

from dashboards.panels import Query, bars, board, choice, number, series

_I = 'instance=~"$instance"'


def facility() -> dashboard.Dashboard:
    """The dashboard."""
    made = board(
        "livetomo-facility",
        "livetomo · Facility",
        "Do all microscopes get their picks in time, and which one needs attention?",
        choice("instance", "Daemon", "livetomo_ready"),
    )
    for panel in (
        number("Daemons up", "short", Query('sum(up{job="livetomo"})')),
        number(
            "Not ready",
            "short",
            Query(f"count(livetomo_ready{{{_I}}} == 0) or on() vector(0)"),
            say="Daemons that cannot do all their work; the page of livetomo says why.",
            limits=[("red", 1)],
        ),
        number("Live sessions", "short", Query(f"count(livetomo_session_info{{{_I}}}) or on() vector(0)")),
        number("Waiting", "short", Query(f'sum(livetomo_jobs{{{_I}, state="waiting"}})'), limits=[("orange", 50)]),
        number("Devices busy", "short", Query(f"sum(livetomo_worker_busy{{{_I}}}) or on() vector(0)")),
        number(
            "Devices benched",
            "short",
            Query(f'sum(livetomo_workers{{{_I}, state="benched"}})'),
            limits=[("red", 1)],
        ),
        series(
            "Tomograms taken in",
            "short",
            Query(f"sum by (watch) (increase(livetomo_arrivals_total{{{_I}}}[1h]))", "{{watch}}"),
            say="Per hour, by microscope.",
        ),
        series(
            "Tomograms finished",
            "short",
            Query(f'sum by (watch) (watch:livetomo_finished:increase1h{{{_I}, outcome="done"}})', "{{watch}}"),
            say="Per hour, by microscope.",
        ),
        series(
            "Jobs",
            "short",
            Query(f'sum by (state) (livetomo_jobs{{{_I}, state=~"waiting|running"}})', "{{state}}"),
            stacked=True,
        ),
        series(
            "Oldest waiting tomogram",
            "s",
            Query(
                f"(time() - livetomo_oldest_waiting_timestamp_seconds{{{_I}}})"
                f" * (livetomo_oldest_waiting_timestamp_seconds{{{_I}}} > bool 0)",
                "{{instance}}",
            ),
            say="How long it has waited; 0 if none waits.",
            limits=[("red", 1800)],
        ),
        series(
            "Time from file to picks, 95 %",
            "s",
            Query(f"watch:livetomo_latency_seconds:p95_1h{{{_I}}}", "{{watch}}"),
            limits=[("red", 1800)],
        ),
        series(
            "Share that failed",
            "percentunit",
            Query(f"watch:livetomo_failed:ratio1h{{{_I}}} or on() vector(0)", "{{watch}}"),
            say="Of the tomograms finished within an hour.",
        ),
        series(
            "Share that is bad",
            "percentunit",
            Query(
                f'sum by (watch) (watch:livetomo_verdicts:increase2h{{{_I}, verdict="bad"}})'
                f" / (sum by (watch) (watch:livetomo_verdicts:increase2h{{{_I}}}) > 0) or on() vector(0)",
                "{{watch}}",
            ),
            say="Of the tomograms finished within two hours.",
        ),
        bars(
            "Time in each stage",
            "s",
            Query(f"avg by (stage) (stage:livetomo_stage_duration_seconds:mean1h{{{_I}}})", "{{stage}}"),
            say="The mean of the last hour.",
        ),
        series(
            "Use of devices",
            "percentunit",
            Query(
                f"avg by (instance, device) (avg_over_time(livetomo_worker_busy{{{_I}}}[10m]))",
                "{{instance}} {{device}}",
            ),
        ),
        series(
            "Free space on disk",
            "bytes",
            Query(f"livetomo_disk_free_bytes{{{_I}}}", "{{instance}}, {{disk}}"),
        ),
    ):
        made.with_panel(panel)
    return made
