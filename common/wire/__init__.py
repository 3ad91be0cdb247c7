"""The messages of ``proto/``, as protoc makes them. ``make proto`` writes the modules here; do not edit them."""
