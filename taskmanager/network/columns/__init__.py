"""Encoders of blocks whose type is known: one column of bytes for each field, instead of one pickle for each record.

A :class:`~millstream.taskmanager.network.columns.column.Column` packs all values of one field at once, with calls that
run in C for the whole block. :func:`~millstream.taskmanager.network.columns.create.create_column` chooses the columns
of a type; where nothing is better than pickle (``millstream.common.typeinfo.wire_form``), it is a pickle.
"""
