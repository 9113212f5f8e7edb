"""The programs that start Scrapy in their process: `run` (with `run_end`), `trial` and `introduction`; all of
them with `scrapy_settings` and `log_formatter`.
"""
