"""`talon forecast`: logs to arrivals, arrivals to a model, a model to the plan the gateway follows.

Libraries that take long to load are imported by the commands that use them, so that help is instant.
"""

import typer

from forecasting import (
    backtest_cli,
    fit_cli,
    ingest_cli,
    monitor_cli,
    plot_cli,
    predict_cli,
    publish_cli,
    pull_cli,
    retrain_cli,
    service_cli,
)

app = typer.Typer(
    name="forecast",
    help="Forecast arrivals from access logs and publish the plan that the gateway follows.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(ingest_cli.ingest)
app.command()(pull_cli.pull)
app.command()(fit_cli.fit)
app.command()(backtest_cli.backtest)
app.command("list")(service_cli.list_versions)
app.command()(service_cli.promote)
app.command()(service_cli.rollback)
app.command()(predict_cli.predict)
app.command()(publish_cli.publish)
app.command()(retrain_cli.retrain)
app.command()(monitor_cli.monitor)
app.command()(plot_cli.plot)
