"""Placeholder."""
from __future__ import annotations
import streamlit as st
from leeway.dashboards.scope import Scope
def show(scope: Scope) -> None:
    st.title("orchestration")
