"""The published contract: every operation described, every answer as the schema says, the docs page offline."""
