length({{word}}.gauge.data_points) + length({{word}}.sum.data_points) + length({{word}}.histogram.data_points)
                    + length({{word}}.exponential_histogram.data_points) + length({{word}}.summary.data_points)
