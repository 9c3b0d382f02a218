"""Converts DICOM series and MetaImage files to NIfTI on this desk, in a program of its own.

It needs the extra ``labeltui[dicom]``. No other module of labeltui imports its modules: ``operations/studies/upload``
runs the program, so a damaged file can crash that program, but not the console.
"""

NO_SERIES = "none of the DICOM files belongs to its study"
"""Why a label becomes no SEG if the DICOM files of its study are not among those that were named."""
