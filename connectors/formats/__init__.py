"""What files and messages hold: CSV, JSON, Avro, Parquet. Programs import ``millstream.datastream.formats``."""
