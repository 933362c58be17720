"""`python -m forecasting` is `talon forecast`."""

from forecasting.cli import app

if __name__ == "__main__":
    app(prog_name="talon forecast")
