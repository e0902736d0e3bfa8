"""From whatever the user has to shuffled batches of scaled float32 rows.

    sources.open_dataset   name, path, array or frame → Dataset, or one clear sentence
    columns.Columns        Dataset → how each column is scaled, and back; kept with the model
    batches.Batches        Dataset + Columns → batches, in an order that the seed alone decides

Tables with text, dates or missing cells are cells as numbers, NaN where one is missing
(`diabolo.data.fields`).

Rows keep their own dtype until a batch is cut (uint8 stays uint8: a quarter of the memory), and
are read a piece at a time where they do not fit in memory.
"""
