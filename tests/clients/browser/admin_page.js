// The page: kinto-admin as its package offers it, for the server that `?server=` names.

import React from "react";
import ReactDOM from "react-dom";
import KintoAdmin from "kinto-admin";

const singleServer = new URLSearchParams(window.location.search).get("server");
const admin = React.createElement(KintoAdmin, { settings: { singleServer } });
ReactDOM.render(admin, document.getElementById("admin"));
