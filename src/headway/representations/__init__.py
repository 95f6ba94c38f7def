"""Data as pictures: functions from arrays to arrays, each with its inverse where it has one."""
