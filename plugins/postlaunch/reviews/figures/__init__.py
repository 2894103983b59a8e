"""Charts: rows of the marts -> Plotly figures in one house style -> PNG files in one run of Chromium."""
