"""Series: one or several numbers that change with time, such as a heart beat or a machine's sensors."""
