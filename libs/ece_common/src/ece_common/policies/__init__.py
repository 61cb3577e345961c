"""Pure rules that both sides need: workers apply them, the Config API's dry runs answer by them."""
