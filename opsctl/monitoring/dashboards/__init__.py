"""Dashboards: from `dashboards/NAME.yaml` and an environment's services to Grafana's JSON, to the
questions that prove a dashboard, and to a page that shows it without Grafana. Pure.
"""
