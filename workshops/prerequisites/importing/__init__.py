"""Facts from a spreadsheet: read, compared with the record, shown row by row, then written all at once or not at all.

Reading and comparing are pure. A file says nothing twice: what the record already says is "same", so the same file
changes nothing the second time. What contradicts the record is never overwritten; a registrar corrects it on the
person's page, with a reason.
"""
