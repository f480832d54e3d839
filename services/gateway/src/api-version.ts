/** What a document begins with (design §10). */
export const API_VERSION = "jetmesh/v1";
