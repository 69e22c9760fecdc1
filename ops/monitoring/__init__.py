"""What operators watch, written from one file: rules, alerts, dashboards, and their pages."""
