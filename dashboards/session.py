"""*Session*: what the operator watches beside the microscope."""

from grafana_foundation_sdk.builders import dashboard

from dashboards.panels import Query, board, choice, html, number, rows, series

_W = 'watch=~"$watch"'
_LATENCY = f"livetomo_latency_seconds_bucket{{{_W}}}"
_TARGET = f"livetomo_session_particles{{{_W}}} / livetomo_session_target_particles{{{_W}}}"
_PICTURES = "".join(
    f'<img style="width:16%;margin-right:.5%" alt="" '
    f'src="${{livetomo}}/api/v1/latest/tile.png?watch=${{watch:csv}}&n={n}&now=${{__to}}">'
    for n in range(6)
)


def session() -> dashboard.Dashboard:
    """The dashboard."""
    made = board(
        "livetomo-session",
        "livetomo · Session",
        "Does this session go well? Decide whether to go on, move, mill again, or stop.",
        choice("watch", "Microscope", "livetomo_arrivals_total"),
        dashboard.TextBoxVariable("livetomo").label("Address of livetomo").default_value("http://127.0.0.1:8787"),
    )
    finished = f"increase(livetomo_finished_total{{{_W}"
    for panel in (
        number(
            "Session",
            "short",
            Query(
                f'max(livetomo_session_verdict{{{_W}, verdict="warn"}}'
                f' + ignoring(verdict) 2 * livetomo_session_verdict{{{_W}, verdict="bad"}}'
                f' - ignoring(verdict) 2 * livetomo_session_verdict{{{_W}, verdict="unjudged"}}'
                f' - ignoring(verdict) livetomo_session_verdict{{{_W}, verdict="missing"}}) or on() vector(-1)'
            ),
            say="The verdict of the worst live session, by its last ten tomograms.",
            words={
                -2: ("unjudged", "text"),
                -1: ("not yet", "text"),
                0: ("good", "green"),
                1: ("warn", "orange"),
                2: ("bad", "red"),
            },
        ),
        number(
            "Tomograms",
            "short",
            Query(f'round(sum({finished}, outcome="done"}}[$__range])))'),
            say="Tomograms that were finished in the time range of this page.",
        ),
        number(
            "Failed",
            "short",
            Query(f'round(sum({finished}, outcome="failed"}}[$__range]))) or on() vector(0)'),
            say="Tomograms that could not be processed; livetomo failed list says why.",
            limits=[("orange", 1), ("red", 5)],
        ),
        number(
            "Bad",
            "short",
            Query(f'round(sum(increase(livetomo_verdicts_total{{{_W}, verdict="bad"}}[$__range]))) or on() vector(0)'),
            say="Tomograms with the verdict bad. The page of livetomo gives the reasons.",
            limits=[("orange", 1), ("red", 5)],
        ),
        number(
            "File to picks",
            "s",
            Query(f"histogram_quantile(0.5, sum by (le) (rate({_LATENCY}[$__range]))) or on() vector(0)"),
            say="Median time from the complete file to its picks at the broker.",
            limits=[("orange", 600), ("red", 1800)],
        ),
        number(
            "Last tomogram",
            "dateTimeFromNow",
            Query(f"max(livetomo_last_success_timestamp_seconds{{{_W}}}) * 1000"),
            say="The time since a tomogram was last finished.",
        ),
        number(
            "Waiting",
            "short",
            Query('sum(livetomo_jobs{state="waiting"})'),
            say="Tomograms of all microscopes that wait for a device.",
        ),
        number(
            "Target reached",
            "percentunit",
            Query(f"min({_TARGET}) or on() vector(0)", "{{feature}}"),
            say="The share of the target that the session has (livetomo sessions target); 0 if no target is set.",
        ),
        number(
            "Time to the target",
            "s",
            Query(
                f"clamp_min(max(livetomo_session_target_timestamp_seconds{{{_W}}} > 0) - time(), 0) or on() vector(0)"
            ),
            say="By the rate of the last two hours; 0 if the target is reached, is not set, or the rate is not known.",
        ),
        rows(
            "Live sessions",
            Query(f"livetomo_session_info{{{_W}}}"),
            say="Sessions that had a new tomogram lately.",
            height=4,
        ),
        html("Latest pictures", _PICTURES, say="The newest picture is the first. livetomo itself serves them."),
        series(
            "Verdicts",
            "short",
            Query(f"sum by (verdict) (increase(livetomo_verdicts_total{{{_W}}}[30m]))", "{{verdict}}"),
            say="Tomograms finished within 30 minutes, by verdict.",
            stacked=True,
            paint={"good": "green", "warn": "orange", "bad": "red", "unjudged": "text", "missing": "text"},
        ),
        series(
            "What is wrong",
            "short",
            Query(
                f"(sum by (figure) (increase(livetomo_poor_figures_total{{{_W}}}[30m])) > 0) or on() vector(0)",
                "{{figure}}",
            ),
            say="Tomograms finished within 30 minutes in which this figure is warn or bad.",
            stacked=True,
        ),
        series(
            "Thickness",
            "lengthm",
            Query(f"livetomo_latest_thickness_meters{{{_W}}}", "{{watch}}, latest"),
            Query(f"watch:livetomo_quality_thickness_meters:p50_2h{{{_W}}}", "{{watch}}, median of two hours"),
            say="Of the specimen. Above the red line little is seen; below the orange line the hole may be empty.",
            limits=[("orange", 1e-7), ("transparent", 1.0001e-7), ("red", 3e-7)],
        ),
        series(
            "Signal-to-noise ratio",
            "short",
            Query(f"livetomo_latest_band_snr_ratio{{{_W}}} or on() vector(0)", "{{watch}}, latest"),
            Query(
                f"watch:livetomo_quality_band_snr_ratio:mean1h{{{_W}}} or on() vector(0)", "{{watch}}, mean of an hour"
            ),
            say="Of the full volume at 100-30 Å, from the half-maps; 0 if the producer writes none.",
        ),
        series(
            "Agreement of the half-maps",
            "percentunit",
            Query(f"livetomo_latest_halves_agreement_ratio{{{_W}}} or on() vector(0)", "{{watch}}"),
            Query(f"watch:livetomo_halves_identical:increase1h{{{_W}}} or on() vector(0)", "{{watch}}, identical ones"),
            say="0: one half-map is black, or they are of two tomograms. 1: both are the same.",
        ),
        series(
            "Resolution",
            "lengthm",
            Query(
                f"livetomo_latest_fsc_0143_resolution_meters{{{_W}}} or on() vector(0)",
                "{{watch}}, half-maps",
            ),
            Query(
                f"livetomo_latest_ctf_resolution_meters{{{_W}}} or on() vector(0)",
                "{{watch}}, CTF fit",
            ),
            say="Of the latest tomogram: where the FSC of half-maps falls below 0.143, and to where Thon rings fit.",
        ),
        series(
            "Alignment",
            "degree",
            Query(f"livetomo_latest_tilt_axis_deviation_degrees{{{_W}}} or on() vector(0)", "{{watch}}"),
            say="Angle between the tilt axis of the latest tomogram and that of the session.",
            limits=[("orange", 1.5)],
        ),
        series(
            "Picks per tomogram",
            "short",
            Query("avg by (feature) (feature:livetomo_tomogram_picks:mean1h)", "{{feature}}"),
            say="The mean of the tomograms finished within an hour, of all microscopes.",
        ),
        series(
            "Picks",
            "short",
            Query(f"sum by (feature) (increase(livetomo_picks_total{{{_W}}}[1h]))", "{{feature}}"),
            say="Picks published within an hour.",
        ),
        series(
            "Expected false picks",
            "percentunit",
            Query(
                f"sum by (feature) (increase(livetomo_expected_false_picks_total{{{_W}}}[1h]))"
                f" / (sum by (feature) (increase(livetomo_picks_total{{{_W}}}[1h]))"
                f" - sum by (feature) (increase(livetomo_unestimated_picks_total{{{_W}}}[1h])) > 0) or on() vector(0)",
                "{{feature}}",
            ),
            say="Of the picks published within an hour, the share that is expected to be false; 0 if not estimated.",
        ),
        series(
            "Average of the picks",
            "short",
            Query(f"livetomo_session_average_signal_ratio{{{_W}}} or on() vector(0)", "{{watch}}, {{feature}}: picks"),
            Query(f"livetomo_session_average_chance_ratio{{{_W}}} or on() vector(0)", "{{watch}}, {{feature}}: chance"),
            say="Signal of one particle over its noise in the newest session's average: of picks that are compared "
            "with a map, and of places beside them. Picks are the particle where it is well above chance.",
        ),
        series(
            "Resolution of the average",
            "lengthm",
            Query(f"livetomo_session_average_resolution_meters{{{_W}}} or on() vector(0)", "{{watch}}, {{feature}}"),
            say="To where the halves of the newest session's average agree more than chance; 0 without an average.",
        ),
        series(
            "Particles in the average",
            "short",
            Query(f"livetomo_session_average_particles{{{_W}}} or on() vector(0)", "{{watch}}, {{feature}}"),
            say="Picks with orientations in the average of the newest session of each microscope.",
        ),
        series(
            "Targets",
            "percentunit",
            Query(f"{_TARGET} or on() vector(0)", "{{watch}}, {{feature}}"),
            say="The share of its target that the newest session of each microscope has.",
            limits=[("transparent", 1)],
        ),
        series(
            "Tomograms per hour",
            "short",
            Query(f"sum by (outcome) (watch:livetomo_finished:increase1h{{{_W}}})", "{{outcome}}"),
            Query(f"sum(increase(livetomo_arrivals_total{{{_W}}}[1h]))", "taken in"),
        ),
        series(
            "Time from file to picks",
            "s",
            Query(f"watch:livetomo_latency_seconds:p50_1h{{{_W}}}", "{{watch}}, median"),
            Query(f"watch:livetomo_latency_seconds:p95_1h{{{_W}}}", "{{watch}}, 95 %"),
            say="From the complete file until the broker has the whole result.",
        ),
        series(
            "Voxels",
            "percentunit",
            Query(f"livetomo_latest_saturated_share_ratio{{{_W}}}", "{{watch}}, saturated"),
            Query(f"1 - livetomo_latest_finite_share_ratio{{{_W}}}", "{{watch}}, not numbers"),
            Query(f"livetomo_latest_contamination_share_ratio{{{_W}}} or on() vector(0)", "{{watch}}, contamination"),
            say="Shares of the latest tomogram that cannot be used.",
        ),
    ):
        made.with_panel(panel)
    return made
