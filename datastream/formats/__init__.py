"""What files and messages hold, under PyFlink's module names: ``csv``, ``json``, ``avro``, ``parquet``."""
