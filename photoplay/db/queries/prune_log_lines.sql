-- Log lines older than a week; called by the sweep. Index: log_lines_at.
delete from photoplay.log_lines where at < photoplay.now() - interval '7 days'
