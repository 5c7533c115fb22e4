"""What every provider must do, whoever it is: one suite against a simulator of each provider's wire.

A provider joins by adding a stage (see `tests.contract.stage`) to `STAGES` in `conftest`; what only one provider has is
in `test_<provider>.py`. A stage that a test asked for is swept before, and afterwards everything that passed between
adapter and simulator is held to the provider's own documents (`schemas`).
"""
