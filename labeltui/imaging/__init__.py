"""Converts DICOM series and MetaImage files to NIfTI on this desk, in a program of its own.

It needs the extra ``labeltui[dicom]``. No other module of labeltui imports these: ``operations/studies/upload``
runs the program, so a damaged file can crash that program, but not the console.
"""
