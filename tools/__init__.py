"""The typed tools, one folder per step of the loop, and the work behind them."""
